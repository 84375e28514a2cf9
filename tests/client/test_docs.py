"""The pages for who set no provider's key, as they stand; and API keys, which shut the server."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sightline.cli import main

from db.embedded import Stack, free_port
from tests.pages import ROOT, WITHOUT_KEYS, Desk

PAGE = ROOT / "docs" / "cli.md"


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """What a reader has who runs `make serve`."""
    with Stack(tmp_path_factory.mktemp("cli-reader"), free_port()) as running:
        yield running


@pytest.mark.parametrize("name", WITHOUT_KEYS)
def test_the_page_does_what_it_shows(reader: Stack, tmp_path: Path, name: str) -> None:
    Desk.at(tmp_path, reader).follow((ROOT / name).read_text())


def test_the_page_shows_every_command() -> None:
    used = set(re.findall(r"\bsightline ([a-z]+)", PAGE.read_text()))
    assert set(main.commands) <= used


def test_keys_open_what_their_scopes_say(tmp_path: Path, reader: Stack) -> None:
    folder, environment = tmp_path, os.environ | {"SIGHTLINE_URL": reader.url}
    made = subprocess.run(
        [sys.executable, "-m", "db.embedded", "keys", "--data-dir", str(reader.folder), "make",
         "--label", "test"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    admin = re.findall(r"sl_\S+", made.stdout)[0]

    def sightline(*words: str, key: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "sightline", *words], cwd=folder, text=True, timeout=60,
            env=environment | {"SIGHTLINE_KEY": key}, capture_output=True, check=False,
        )  # fmt: skip

    made_too = sightline("keys", "make", "--label", "site", "--scope", "read", key=admin)
    read = made_too.stdout.strip()
    assert made_too.returncode == 0 and read.startswith("sl_") and read not in made_too.stderr
    assert sightline("catalogs", key=read).returncode == 0
    refused = sightline("catalogs", "make", "x", key=read)
    assert refused.returncode == 2 and "forbidden" in refused.stderr and "scope" in refused.stderr
    listed = sightline("keys", key=admin)
    (key_id,) = [line.split()[0] for line in listed.stdout.splitlines() if " site " in line]
    assert sightline("keys", "revoke", key_id, key=admin).returncode == 0
    gone = sightline("catalogs", key=read)
    assert gone.returncode == 2 and "unauthorized" in gone.stderr and "SIGHTLINE_KEY" in gone.stderr
    assert read not in gone.stderr + gone.stdout
