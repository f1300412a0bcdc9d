"""Read-only: figures, the report and exports."""
