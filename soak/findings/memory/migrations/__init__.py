"""How a database comes from one version's tables to the next; alembic runs these."""
