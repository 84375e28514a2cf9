"""The compose file fits its schema, runs nothing that is missing, and gives no process too much."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from db.settings import Settings
from db.vocabulary import Lane

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
SERVICES: dict[str, dict[str, Any]] = YAML(typ="safe").load(COMPOSE)["services"]
OURS = [name for name in SERVICES if name not in ("postgres", "redis")]
WORKERS = {
    "worker-embed": Lane.EMBED,
    "worker-ingest": Lane.INGEST,
    "worker-answer": Lane.ANSWER,
    "upkeep": Lane.UPKEEP,
}


def test_fits_the_compose_schema() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    checked = subprocess.run([*command, COMPOSE], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_confined(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["tmpfs"]
    assert "healthcheck" in service or name == "migrate"
    assert not service.get("privileged")


@pytest.mark.parametrize("name", OURS)
def test_our_images_are_built_from_pinned_bases_and_leave_root(name: str) -> None:
    lines = (ROOT / SERVICES[name]["build"]["dockerfile"]).read_text().splitlines()
    bases = [line.split()[1] for line in lines if line.startswith("FROM")]
    assert bases
    assert all(base.rpartition(":")[2][0].isdigit() for base in bases)
    assert any(line.startswith("USER 10001") for line in lines)


@pytest.mark.parametrize("name", ["postgres", "redis"])
def test_stores_are_pinned_leave_root_and_are_not_published(name: str) -> None:
    service = SERVICES[name]
    assert service["image"].rpartition(":")[2][0].isdigit()
    assert service["user"] == "999:999"
    assert "ports" not in service


def test_the_api_listens_on_this_machine_alone_unless_told_otherwise() -> None:
    assert SERVICES["api"]["ports"] == ["${BIND:-127.0.0.1}:${PORT:-8000}:8000"]


def test_commands_name_modules_that_exist() -> None:
    assert SERVICES["migrate"]["command"][:3] == ["python", "-m", "migrations"]
    assert SERVICES["api"]["command"][:2] == ["gunicorn", "api:create_app()"]
    for name in WORKERS:
        assert SERVICES[name]["healthcheck"]["test"] == ["CMD", "python", "-m", "worker.alive"]
    for module in ("migrations.__main__", "api", "worker.app", "worker.alive"):
        assert importlib.util.find_spec(module) is not None
    assert "def create_app(" in (ROOT / "api" / "__init__.py").read_text()


@pytest.mark.parametrize(("name", "lane"), WORKERS.items())
def test_one_service_a_lane(name: str, lane: Lane) -> None:
    command = SERVICES[name]["command"]
    assert command[:4] == ["celery", "-A", "worker.app", "worker"]
    assert command[command.index("-Q") + 1] == lane
    assert ("-B" in command) == (lane == Lane.UPKEEP)


def test_every_lane_has_a_service() -> None:
    assert set(WORKERS.values()) == set(Lane)


@pytest.mark.parametrize("name", OURS)
def test_settings_are_ones_that_are_read(name: str) -> None:
    known = {f"SIGHTLINE_{field.upper()}" for field in Settings.model_fields}
    given = {key for key in SERVICES[name]["environment"] if key.startswith("SIGHTLINE_")}
    assert given <= known
