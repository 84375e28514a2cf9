"""A second image model beside a catalog's first.

Revision ID: 0008
Revises: 0007
"""

from alembic import op
import sqlalchemy as sa

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KINDS = ("item", "import", "document", "search", "answer", "caption", "evaluation", "embedding")


def upgrade() -> None:
    op.add_column("catalogs", sa.Column("second_model", sa.Text(), nullable=True))
    op.add_column("catalogs", sa.Column("second_model_id", sa.Integer(), nullable=True))
    op.create_foreign_key(
        op.f("catalogs_second_model_id_fkey"), "catalogs", "models", ["second_model_id"], ["id"]
    )
    op.add_column(
        "catalogs",
        sa.Column(
            "switch_when_covered", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
    )
    _know_kinds(*KINDS, "reembedding")
    op.execute("SELECT sightline.make_views()")


def downgrade() -> None:
    op.execute("DELETE FROM jobs WHERE kind = 'reembedding'")
    _know_kinds(*KINDS)
    op.execute("DROP VIEW sightline_api.catalogs")
    op.drop_column("catalogs", "switch_when_covered")
    op.drop_constraint(op.f("catalogs_second_model_id_fkey"), "catalogs", type_="foreignkey")
    op.drop_column("catalogs", "second_model_id")
    op.drop_column("catalogs", "second_model")
    op.execute("SELECT sightline.make_views()")


def _know_kinds(*kinds: str) -> None:
    quoted = ", ".join(f"'{kind}'" for kind in kinds)
    op.drop_constraint(op.f("jobs_kind_known"), "jobs", type_="check")
    op.execute(f"ALTER TABLE jobs ADD CONSTRAINT jobs_kind_known CHECK (kind IN ({quoted}))")
