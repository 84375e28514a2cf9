"""The runbooks: their SQL runs, their metrics are told, their routes exist."""

import re
from pathlib import Path

import pytest
from sqlalchemy import text

from api import create_app
from api.services import NAME
from db.session import Database
from db.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
BOOKS = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
SQL = re.compile(r"^```sql\n(.*?)^```$", re.DOTALL | re.MULTILINE)
METRIC = re.compile(r"\bsightline_[a-z_]+\b")
LINK = re.compile(r"\]\(([^)#]+)\)")
ROUTE = re.compile(r"localhost:8000(/[\w/{}$-]*)")


@pytest.fixture(params=BOOKS, ids=lambda path: str(path.stem))
def page(request: pytest.FixtureRequest) -> str:
    path: Path = request.param
    return path.read_text()


def test_every_alert_has_a_page_and_every_page_an_alert() -> None:
    index = (ROOT / "docs" / "runbooks" / "README.md").read_text()
    linked = {link for link in LINK.findall(index) if "/" not in link}
    assert linked == {path.name for path in BOOKS} - {"README.md"}


def test_each_page_says_what_how_and_when_it_is_over() -> None:
    for path in BOOKS:
        if path.name != "README.md":
            words = path.read_text()
            for part in ("**Means.**", "**Look.**", "**Do.**", "**Over**"):
                assert part in words, (path.name, part)


def test_statements_run(page: str, database: Database) -> None:
    for block in SQL.findall(page):
        for statement in filter(str.strip, block.split(";")):
            with database.begin() as connection:
                connection.execute(text(statement.replace(":", r"\:")))


def test_metrics_are_told(page: str, database: Database, settings: Settings) -> None:
    app = create_app(settings)
    client = app.test_client()
    client.get("/livez")
    told = client.get("/metrics").text
    app.extensions[NAME].close()
    names = set(re.findall(r"^# TYPE (\S+)", told, re.MULTILINE))
    for name in METRIC.findall(page):
        assert any(known.startswith(name.rstrip("_")) for known in names), name


def test_routes_exist(page: str, settings: Settings) -> None:
    app = create_app(settings)
    adapter = app.url_map.bind("localhost")
    for route in ROUTE.findall(page):
        assert adapter.allowed_methods(route), route
    app.extensions[NAME].close()
