"""Migrations of bohpo's tables; alembic runs `env.py`."""
