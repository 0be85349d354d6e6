"""The SQL store, over SQLite and PostgreSQL."""
