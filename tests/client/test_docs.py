"""docs/cli.md, run as it stands; and keys, which shut its server behind it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sightline.cli import main

from db.embedded import Stack, free_port
from tests.acceptance.test_cookbook import INTERPRETERS, Command, commands, is_output
from tests.client.drawn import write

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "cli.md"


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """What a reader of the page has who runs `make serve`."""
    with Stack(tmp_path_factory.mktemp("cli-reader"), free_port()) as running:
        yield running


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, reader: Stack) -> tuple[Path, dict[str, str]]:
    """A folder to type in, with the environment that the page wants."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / ".venv").symlink_to(sys.prefix)
    program = write(
        folder, "bin/sightline", f'#!/bin/sh\nexec {sys.executable} -m sightline "$@"\n'
    )
    program.chmod(0o755)
    path = f"{program.parent}:{os.environ['PATH']}"
    return folder, os.environ | {"PATH": path, "SIGHTLINE_URL": reader.url}


def run(command: Command, desk: tuple[Path, dict[str, str]]) -> str:
    folder, environment = desk
    done = subprocess.run(
        [*INTERPRETERS[command.language], command.code], cwd=folder, env=environment,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command.code}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_page_does_what_it_shows(desk: tuple[Path, dict[str, str]]) -> None:
    for command in commands(PAGE.read_text()):
        printed = run(command, desk)
        if command.shown is not None:
            assert is_output(command.shown, printed), f"{command.code}\nprinted:\n{printed}"


def test_the_page_shows_every_command() -> None:
    used = set(re.findall(r"\bsightline ([a-z]+)", PAGE.read_text()))
    assert set(main.commands) <= used


def test_keys_open_what_their_scopes_say(desk: tuple[Path, dict[str, str]], reader: Stack) -> None:
    folder, environment = desk
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
