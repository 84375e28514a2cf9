"""The client alone in a fresh environment: it needs nothing of the server, and brings the command."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from db.embedded import Stack
from tests.client.drawn import picture, write

CLIENT = Path(__file__).resolve().parents[2] / "client"
ALLOWED = {
    "sightline", "httpx", "httpcore", "h11", "anyio", "sniffio", "idna", "certifi", "click", "rich",
    "markdown-it-py", "mdurl", "pygments", "typing-extensions", "pip", "setuptools",
}  # fmt: skip
"""What may be there beside the standard library."""


def call(*words: str | Path, **more: object) -> subprocess.CompletedProcess[str]:
    """A process outside of this repository and of its environment."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    kept.pop("VIRTUAL_ENV", None)
    return subprocess.run(
        [*map(str, words)], env=kept, capture_output=True, text=True, timeout=300, check=False,
        **more,
    )  # type: ignore[call-overload,no-any-return]  # fmt: skip


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment with the client in it."""
    folder = tmp_path_factory.mktemp("alone")
    shutil.copytree(CLIENT, folder / "client", ignore=shutil.ignore_patterns("*.egg-info", "build"))
    made = call(sys.executable, "-m", "venv", folder / "venv")
    assert made.returncode == 0, made.stderr
    programs = folder / "venv" / "bin"
    done = call(programs / "pip", "install", "--quiet", folder / "client", cwd=folder)
    if done.returncode and "CI" not in os.environ and "No matching distribution" in done.stderr:
        pytest.skip("no package index is in reach")
    assert done.returncode == 0, done.stderr
    return programs


def test_it_brings_few_packages_and_nothing_of_the_server(alone: Path) -> None:
    listed = call(alone / "pip", "list", "--format", "json")
    names = {one["name"].lower().replace("_", "-") for one in json.loads(listed.stdout)}
    assert {"sightline", "httpx", "click", "rich"} <= names <= ALLOWED


def test_every_module_loads_there(alone: Path, tmp_path: Path) -> None:
    script = (
        "import importlib, pkgutil, sightline\n"
        "for one in pkgutil.walk_packages(sightline.__path__, 'sightline.'):\n"
        "    if not one.name.endswith('__main__'): importlib.import_module(one.name)\n"
        "    print(one.name)"
    )
    done = call(alone / "python", "-W", "error", "-c", script, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) > 40
    typed = call(alone / "python", "-c", "from importlib.resources import files; "
                 "print(files('sightline').joinpath('py.typed').is_file())", cwd=tmp_path)  # fmt: skip
    assert typed.stdout.strip() == "True"


def test_its_command_imports_and_finds(alone: Path, stack: Stack, tmp_path: Path) -> None:
    write(tmp_path, "photos/red-boot.jpg", picture(50_001))
    sightline = [alone / "sightline", "--url", stack.url]
    done = call(*sightline, "import", "photos", "-c", "alone", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = call(*sightline, "search", "red boot", "-c", "alone", cwd=tmp_path)
    assert "red-boot.jpg" in found.stdout
    assert call(alone / "sightline", "--version", cwd=tmp_path).stdout.strip().endswith("0.1.0")
