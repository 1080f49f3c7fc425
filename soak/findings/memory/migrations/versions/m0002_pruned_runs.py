"""Which runs' folders were taken away by ``--retain``: their rows stay, and tell that there is no more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """One column; no run had been pruned before."""
    op.add_column("runs", sa.Column("pruned", sa.Boolean, nullable=False, server_default=sa.false()))
