"""Alembic migrations of the control plane's database, up and down."""
