"""What scoring servers tell of the versions that they serve."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "served_figures",
        sa.Column("server_id", sa.Text(), nullable=False),
        sa.Column(
            "registered_id",
            sa.BigInteger(),
            nullable=False,
            comment="no reference: a row is gone within an hour",
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False, comment="when it was told"),
        sa.Column("figures", sa.Text(), nullable=False, comment="JSON object"),
        sa.PrimaryKeyConstraint(
            "server_id", "registered_id", "version", name=op.f("pk_served_figures")
        ),
    )
    op.create_index(
        op.f("ix_served_figures_registered_id"), "served_figures", ["registered_id"], unique=False
    )
    op.create_index(op.f("ix_served_figures_time"), "served_figures", ["time"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_served_figures_time"), table_name="served_figures")
    op.drop_index(op.f("ix_served_figures_registered_id"), table_name="served_figures")
    op.drop_table("served_figures")
