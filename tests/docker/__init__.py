"""What docker/ holds, checked without an engine: the files by reading them, the small Slurm by running it."""
