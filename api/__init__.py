"""The HTTP API: a thin Flask app that writes jobs and reads rows. `create_app` wires it."""

import os
import socket
from importlib.metadata import PackageNotFoundError, version

from flask import Flask

from api import (
    auth,
    catalogs,
    docs,
    documents,
    embeddings,
    health,
    imports,
    items,
    jobs,
    keys,
    limits,
    listening,
    nudges,
    openai_embeddings,
    problems,
    questions,
    request_lines,
    searches,
    second_model,
    tracing,
    webhooks,
)
from api.metrics import Metrics
from api.pictures import Renditions
from api.services import NAME, Services
from api.waiting import Waiters
from db import logs
from db import tracing as spans
from db.blobs import BlobStore
from db.session import TenantDatabase
from db.settings import Settings

ROUTES = (
    catalogs.routes,
    items.routes,
    imports.routes,
    documents.routes,
    second_model.routes,
    searches.routes,
    questions.routes,
    embeddings.routes,
    openai_embeddings.routes,
    jobs.routes,
    webhooks.routes,
    health.routes,
    keys.routes,
)


def create_app(settings: Settings | None = None) -> Flask:
    """The app, in this order: settings, logs, traces, services, errors, metrics, auth, limits, routes, description.

    Raises RefusesToStart where it would serve other machines without a key.
    """
    settings = settings or Settings()
    logs.install(settings)
    traced = spans.start("sightline-api", f"{socket.gethostname()}/{os.getpid()}")
    app = Flask(__name__, static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.config["MAX_FORM_MEMORY_SIZE"] = 2 * 1024**2
    made = services(settings)
    app.extensions[NAME] = made
    problems.install(app)
    if traced:
        tracing.install(app)
    made.metrics.install(app)
    request_lines.install(app)
    gate = auth.Gate(made.database, settings.key_secret.get_secret_value())
    try:
        listening.check(gate, settings.listen)
    except listening.RefusesToStart:
        made.close()
        raise
    auth.install(app, gate)
    limits.install(app)
    for routes in ROUTES:
        app.register_blueprint(routes.blueprint)
    docs.install(app, [one for routes in ROUTES for one in routes.operations], _version())
    return app


def services(settings: Settings) -> Services:
    """The process's services; nothing connects before it is used."""
    database = TenantDatabase(settings.database_url, auth.transaction_tenant)
    blobs = BlobStore(settings.blob_url)
    redis = nudges.connect(settings.redis_url)
    waiters = Waiters(database, settings.api_waiters)
    return Services(
        settings=settings,
        database=database,
        blobs=blobs,
        redis=redis,
        nudger=nudges.make(settings.redis_url, redis),
        waiters=waiters,
        renditions=Renditions(blobs),
        metrics=Metrics(settings.database_url, blobs.folder, lambda: waiters.count),
    )


def _version() -> str:
    try:
        return version("sightline-server")
    except PackageNotFoundError:
        return "0"
