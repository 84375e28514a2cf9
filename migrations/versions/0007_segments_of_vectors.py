"""Segments: which of a catalog's vectors have an index of their own.

Revision ID: 0007
Revises: 0006

The indexes themselves are made and dropped by the upkeep lane (`worker/indexing.py`).
"""

from alembic import op
import sqlalchemy as sa

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

PROGRESS = """
    CREATE FUNCTION sightline_api.index_progress(wanted_catalog bigint)
    RETURNS TABLE (phase text, done bigint, expected bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
        SELECT p.phase, p.tuples_done, s.rows FROM sightline.segments s
        LEFT JOIN pg_class c ON c.relnamespace = 'sightline'::regnamespace
            AND c.relname = s.index_name
        LEFT JOIN pg_stat_progress_create_index p ON p.index_relid = c.oid
        WHERE s.state = 'building' AND s.catalog_id = wanted_catalog
            AND s.tenant_id = nullif(current_setting('app.tenant', true), '')::bigint
        ORDER BY s.id LIMIT 1 $$
"""
"""The API's role may not see what other roles' sessions do: the owner looks for it."""

DROP_INDEXES = """
    DO $$ DECLARE named text; BEGIN
        FOR named IN SELECT c.relname FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid
            WHERE i.indrelid = 'sightline.embeddings'::regclass
                AND starts_with(c.relname, 'embeddings_nearest_')
        LOOP EXECUTE format('DROP INDEX sightline.%I', named); END LOOP;
    END $$
"""


def upgrade() -> None:
    op.create_table(
        "segments",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("catalog_id", sa.BigInteger(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("dimensions", sa.SmallInteger(), nullable=False),
        sa.Column("from_seq", sa.BigInteger(), nullable=False),
        sa.Column("to_seq", sa.BigInteger(), nullable=False),
        sa.Column(
            "index_name",
            sa.Text(),
            sa.Computed("'embeddings_nearest_' || id::text", persisted=True),
            nullable=False,
        ),
        sa.Column("state", sa.Text(), server_default="building", nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("built_at", sa.DateTime(timezone=True)),
        sa.Column("replaced_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("segments_pkey")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "catalog_id"],
            ["catalogs.tenant_id", "catalogs.id"],
            name=op.f("segments_tenant_id_catalog_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("segments_model_id_fkey")),
        sa.CheckConstraint(
            "state IN ('building', 'ready', 'dropping')", name=op.f("segments_state_known")
        ),
        sa.CheckConstraint("from_seq < to_seq", name=op.f("segments_range_known")),
    )
    op.create_index(
        op.f("segments_tenant_id_catalog_id_model_id_idx"),
        "segments",
        ["tenant_id", "catalog_id", "model_id"],
    )
    op.execute("SELECT sightline.make_views()")
    op.execute(PROGRESS)
    op.execute("REVOKE ALL ON FUNCTION sightline_api.index_progress(bigint) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION sightline_api.index_progress(bigint) TO sightline_api")


def downgrade() -> None:
    op.execute(DROP_INDEXES)
    op.execute("DROP FUNCTION sightline_api.index_progress(bigint)")
    op.execute("DROP VIEW sightline_api.segments")
    op.drop_table("segments")
