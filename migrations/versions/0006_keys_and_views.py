"""API keys in use, and the API behind views that show one tenant's rows.

Revision ID: 0006
Revises: 0005

The API's sessions run as the role `sightline_api`, which has no rights in the schema `sightline` and
sees the schema `sightline_api` alone: a view of each table under its name, owned by the tables' owner
and held to the transaction's `app.tenant`. It guards against a forgotten predicate, not against
whoever can run any SQL.

Later migrations: call `sightline.make_views()` at the end of one that makes a table or changes
columns, and drop a table's view first (`DROP VIEW sightline_api.items`) to drop or retype a column.
"""

from alembic import op
import sqlalchemy as sa

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ROLE = """
    DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'sightline_api') THEN
            CREATE ROLE sightline_api NOLOGIN;
        END IF;
        IF NOT pg_catalog.pg_has_role(current_user, 'sightline_api', 'SET') THEN
            EXECUTE pg_catalog.format('GRANT sightline_api TO %I WITH SET TRUE', current_user);
        END IF;
    END $$
"""
"""Roles belong to the whole server: another database may have made it."""

MAKE_VIEWS = """
    CREATE FUNCTION sightline.make_views() RETURNS void LANGUAGE plpgsql
    SET search_path = pg_catalog AS $$
    DECLARE
        named text;
        tenant constant text := '(SELECT nullif(current_setting(''app.tenant'', true), '''')::bigint)';
        mine constant text := 'CASE WHEN tenant_id = ' || tenant || ' THEN true ELSE false END';
    BEGIN
        FOR named IN
            SELECT c.relname FROM pg_class c
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
            WHERE c.relnamespace = 'sightline'::regnamespace AND c.relkind IN ('r', 'p')
              AND NOT c.relispartition
            ORDER BY c.relname
        LOOP
            EXECUTE format('DROP VIEW IF EXISTS sightline_api.%I', named);
            EXECUTE format('CREATE VIEW sightline_api.%1$I AS SELECT * FROM sightline.%1$I
                            WHERE %2$s WITH CHECK OPTION', named, mine);
            EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON sightline_api.%I
                            TO sightline_api', named);
        END LOOP;
        -- What proves a key goes in, and comes out by find_key alone.
        REVOKE SELECT, UPDATE, DELETE ON sightline_api.api_keys FROM sightline_api;
        GRANT SELECT (tenant_id, id, label, scopes, created_at, expires_at, revoked_at),
            UPDATE (revoked_at) ON sightline_api.api_keys TO sightline_api;
    END $$
"""
"""Plain views, which the planner opens: a security barrier would keep `@@` and others off their indexes.

CASE keeps the condition itself off the btree indexes, which all begin with the tenant: a search by
words, whose index knows the catalog, would read every row of the tenant besides. Each statement
names its tenant and finds its index by that.
"""

REFERENCE_VIEWS = (
    """CREATE VIEW sightline_api.tenants AS SELECT id, name FROM sightline.tenants
       WHERE id = (SELECT nullif(current_setting('app.tenant', true), '')::bigint)""",
    """CREATE VIEW sightline_api.models AS
       SELECT id, name, revision, preprocessing, dimensions FROM sightline.models""",
)
"""What the API may know of the tables without a tenant: its own tenant's name, and the models."""

FUNCTIONS = (
    """CREATE FUNCTION sightline_api.find_key(wanted text)
       RETURNS TABLE (tenant_id bigint, salt bytea, secret_hmac bytea, scopes text[], alive boolean)
       LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
           SELECT k.tenant_id, k.salt, k.secret_hmac, k.scopes,
               k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
           FROM sightline.api_keys k WHERE k.id = wanted LIMIT 1 $$""",
    """CREATE FUNCTION sightline_api.has_keys() RETURNS boolean
       LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
           SELECT EXISTS (SELECT FROM sightline.api_keys) $$""",
    """CREATE FUNCTION sightline_api.front_of(wanted_lane text, wanted_priority integer)
       RETURNS bigint
       LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
           SELECT coalesce((SELECT rank FROM sightline.tasks WHERE status = 'queued'
               AND lane = wanted_lane AND priority = wanted_priority
               ORDER BY rank LIMIT 1), 0) $$""",
)
"""A key before its tenant is known; and the front of a lane, where all tenants stand in one line."""


def upgrade() -> None:
    # Nothing has made a key yet: there is no row without a salt.
    op.add_column("api_keys", sa.Column("salt", sa.LargeBinary(), nullable=False))
    op.create_check_constraint(
        op.f("api_keys_scopes_known"),
        "api_keys",
        "scopes <@ ARRAY['read', 'write', 'answer', 'admin'] AND cardinality(scopes) > 0",
    )
    op.create_index("api_keys_id_idx", "api_keys", ["id"])
    # Both roles must find what the words' index is made of; `public` is in both search paths.
    op.execute("ALTER FUNCTION words_of(text[]) SET SCHEMA public")
    op.execute("ALTER FUNCTION keys_of(bigint, tsvector) SET SCHEMA public")
    op.execute(ROLE)
    op.execute("CREATE SCHEMA sightline_api")
    op.execute("GRANT USAGE ON SCHEMA sightline_api TO sightline_api")
    op.execute(MAKE_VIEWS)
    op.execute("SELECT sightline.make_views()")
    for statement in (*REFERENCE_VIEWS, *FUNCTIONS):
        op.execute(statement)
    for name in ("tenants", "models"):
        op.execute(f"GRANT SELECT ON sightline_api.{name} TO sightline_api")
    op.execute("REVOKE ALL ON ALL FUNCTIONS IN SCHEMA sightline_api FROM PUBLIC")
    op.execute("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA sightline_api TO sightline_api")


def downgrade() -> None:
    op.execute("DROP SCHEMA sightline_api CASCADE")
    op.execute("DROP FUNCTION sightline.make_views()")
    op.execute("ALTER FUNCTION public.keys_of(bigint, tsvector) SET SCHEMA sightline")
    op.execute("ALTER FUNCTION public.words_of(text[]) SET SCHEMA sightline")
    op.drop_index("api_keys_id_idx", "api_keys")
    op.drop_constraint("api_keys_scopes_known", "api_keys", type_="check")
    op.drop_column("api_keys", "salt")
