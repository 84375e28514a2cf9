"""Short ways to tenants and their keys."""

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from db import keys
from db.keys import Scope
from db.session import Database
from db.vocabulary import DEFAULT_TENANT


def a_key(
    database: Database, *scopes: Scope, tenant: int = DEFAULT_TENANT, secret: str = ""
) -> str:
    """A key with these scopes, else with all."""
    with database.begin() as connection:
        return keys.make(connection, tenant, list(scopes or (Scope.ADMIN,)), secret)[1]


def a_tenant(database: Database, name: str) -> int:
    """A tenant's number, the same again for the same name."""
    with database.begin() as connection:
        made = text("""INSERT INTO tenants (name) VALUES (:name)
                       ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id""")
        return int(connection.execute(made, {"name": name}).scalar_one())


def client_with(app: Flask, key: str) -> FlaskClient:
    """A client that sends a key with each request."""
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    return client
