"""Migrations of the schema: Alembic's environment, and one file per step in ``versions``."""
