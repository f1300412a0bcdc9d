"""The pages, for Jinja2."""
