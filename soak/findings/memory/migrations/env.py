"""What alembic runs: the connection, and the transaction around it, are the memory's own."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
context.run_migrations()
