"""Runs, what their scenarios did, what was found; accepted findings and measured reproductions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """The first tables."""
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("started", sa.Double, nullable=False),
        sa.Column("seed", sa.Text, nullable=False),
        sa.Column("command", sa.Text, nullable=False),
        sa.Column("argv", sa.JSON, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("minutes", sa.Double),
        sa.Column("count_each", sa.BigInteger),
        sa.Column("jobs", sa.Integer, nullable=False),
        sa.Column("verdict", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("broken_lines", sa.Integer, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.UniqueConstraint("name", "started", "seed", name="uq_runs_name_started_seed"),
    )
    op.create_table(
        "facts",
        sa.Column("run", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("run", "name", name="pk_facts"),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_facts_run", ondelete="CASCADE"),
    )
    op.create_table(
        "scenarios",
        sa.Column("run", sa.Integer, nullable=False),
        sa.Column("scenario", sa.Text, nullable=False),
        sa.Column("iterations", sa.BigInteger, nullable=False),
        sa.Column("tries", sa.BigInteger, nullable=False),
        sa.Column("operations", sa.BigInteger, nullable=False),
        sa.Column("accepted", sa.BigInteger, nullable=False),
        sa.Column("refused", sa.BigInteger, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("sometimes", sa.JSON, nullable=False),
        sa.Column("unproven", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("run", "scenario", name="pk_scenarios"),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_scenarios_run", ondelete="CASCADE"),
    )
    op.create_table(
        "findings",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("parts", sa.JSON, nullable=False),
        sa.Column("first_seen", sa.Double, nullable=False),
        sa.Column("last_seen", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_findings"),
    )
    op.create_table(
        "occurrences",
        sa.Column("run", sa.Integer, nullable=False),
        sa.Column("sighting", sa.Integer, nullable=False),
        sa.Column("finding", sa.Text, nullable=False),
        sa.Column("scenario", sa.Text, nullable=False),
        sa.Column("worker", sa.Integer, nullable=False),
        sa.Column("iteration", sa.BigInteger, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("run", "sighting", name="pk_occurrences"),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_occurrences_run", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["finding"], ["findings.id"], name="fk_occurrences_finding"),
    )
    op.create_index("ix_occurrences_finding_run", "occurrences", ["finding", "run"])
    op.create_table(
        "accepted",
        sa.Column("finding", sa.Text, nullable=False),
        sa.Column("because", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("finding", name="pk_accepted"),
    )
    op.create_table(
        "reproductions",
        sa.Column("finding", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("hits", sa.Integer, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("finding", "at", name="pk_reproductions"),
    )
