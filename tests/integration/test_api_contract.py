"""The description is valid, complete, and the app keeps to it whatever it is sent."""

from collections.abc import Iterator

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, settings as bounds
from openapi_spec_validator import validate
from schemathesis import Case

from api import create_app
from api.services import NAME
from db.session import Database
from db.settings import Settings

ROUTES = {
    "/v1/catalogs": {"get"},
    "/v1/catalogs/{catalog}": {"get", "put", "delete"},
    "/v1/catalogs/{catalog}/items": {"get", "post"},
    "/v1/catalogs/{catalog}/items/{item}": {"get", "patch", "delete"},
    "/v1/catalogs/{catalog}/items/{item}/image": {"get"},
    "/v1/catalogs/{catalog}/imports": {"post"},
    "/v1/catalogs/{catalog}/searches": {"post"},
    "/v1/embeddings": {"post"},
    "/v1/jobs": {"get"},
    "/v1/jobs/{job}": {"get"},
    "/v1/jobs/{job}/cancel": {"post"},
    "/v1/jobs/{job}/retry": {"post"},
    "/v1/jobs/{job}/tasks": {"get"},
    "/livez": {"get"},
    "/readyz": {"get"},
    "/metrics": {"get"},
}
