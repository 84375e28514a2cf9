"""Documents by catalog, vectors of words, captions by models, progress of a document's reading.

Revision ID: 0002
Revises: 0001
"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("catalogs", sa.Column("text_model_id", sa.Integer(), nullable=True))
    op.create_foreign_key(
        "catalogs_text_model_id_fkey", "catalogs", "models", ["text_model_id"], ["id"]
    )
    op.add_column("items", sa.Column("words_sha256", sa.LargeBinary(), nullable=True))
    op.add_column("items", sa.Column("captioned_by", sa.Text(), nullable=True))
    for column in ("progress", "usage"):
        op.add_column("jobs", sa.Column(column, postgresql.JSONB(), nullable=True))
    _documents_by_catalog()


def _documents_by_catalog() -> None:
    """A client's own document ids are unique in their catalog, as those of items are."""
    for column in ("file_name", "category"):
        op.add_column("documents", sa.Column(column, sa.Text(), nullable=True))
    for column in ("tags", "notes"):
        op.add_column(
            "documents",
            sa.Column(column, sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        )
    op.add_column(
        "documents",
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
    )
    op.drop_constraint("items_tenant_id_document_id_fkey", "items", type_="foreignkey")
    op.drop_constraint("documents_pkey", "documents", type_="primary")
    op.drop_index("documents_tenant_id_catalog_id_idx", "documents")
    op.create_primary_key("documents_pkey", "documents", ["tenant_id", "catalog_id", "id"])
    # Nothing has written a document yet, so no item names one: the check is instant.
    op.create_foreign_key(
        "items_tenant_id_catalog_id_document_id_fkey",
        "items",
        "documents",
        ["tenant_id", "catalog_id", "document_id"],
        ["tenant_id", "catalog_id", "id"],
        ondelete="CASCADE",
    )
    with op.get_context().autocommit_block():
        op.create_index(
            "items_tenant_id_catalog_id_document_id_idx",
            "items",
            ["tenant_id", "catalog_id", "document_id"],
            postgresql_concurrently=True,
            if_not_exists=True,
        )
        op.drop_index(
            "items_tenant_id_document_id_idx",
            "items",
            postgresql_concurrently=True,
            if_exists=True,
        )


def downgrade() -> None:
    raise RuntimeError("Documents that share an id would be lost: restore a backup instead.")
