"""A job remembers the trace of the request that made it.

Revision ID: 0009
Revises: 0008
"""

from alembic import op
import sqlalchemy as sa

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("trace", sa.Text(), nullable=True))
    op.execute("SELECT sightline.make_views()")


def downgrade() -> None:
    op.execute("DROP VIEW sightline_api.jobs")
    op.drop_column("jobs", "trace")
    op.execute("SELECT sightline.make_views()")
