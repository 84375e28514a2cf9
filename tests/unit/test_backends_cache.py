"""Exports are made once, whole, by one process at a time; what is not as it was made is made again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from db.settings import Settings
from worker.encoder import ClipEncoder
from worker.encoder.exported import MANIFEST, Exports, Key
from worker.encoder.random_folder import write

ROOT = Path(__file__).parents[2]
KEY = Key("0123456789abcdef", "int8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    write(path, "tiny")
    return path


def export(folder: Path, cache: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "worker.encoder.export", str(folder), "--cache", str(cache)]
    return subprocess.Popen(
        [*command, "--way", "onnx:int8"], cwd=ROOT, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip


def two_files(folder: Path) -> None:
    (folder / "vision.onnx").write_bytes(b"pictures" * 100)
    (folder / "text.onnx").write_bytes(b"words" * 100)


@pytest.fixture
def exports(tmp_path: Path) -> Exports:
    made = Exports(tmp_path / "cache")
    with made.locked(KEY.revision):
        made.put(KEY, two_files)
    return made


def cut_off(folder: Path) -> None:
    os.truncate(folder / "vision.onnx", 300)


def other_byte(folder: Path) -> None:
    data = bytearray((folder / "text.onnx").read_bytes())
    data[17] ^= 1
    (folder / "text.onnx").write_bytes(data)


def foreign_file(folder: Path) -> None:
    (folder / "vision.onnx.data").write_bytes(b"weights of somebody else")


def missing_file(folder: Path) -> None:
    (folder / "text.onnx").unlink()


def other_model(folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["key"]["revision"] = "fedcba9876543210"
    (folder / MANIFEST).write_text(json.dumps(manifest))


def no_manifest(folder: Path) -> None:
    (folder / MANIFEST).write_text("{")


@pytest.mark.parametrize(
    "spoil", [cut_off, other_byte, foreign_file, missing_file, other_model, no_manifest]
)
def test_what_is_not_as_it_was_made_is_not_trusted_and_made_again(
    exports: Exports, spoil: Callable[[Path], None]
) -> None:
    folder = exports.find(KEY)
    assert folder is not None
    spoil(folder)
    assert exports.find(KEY) is None
    with exports.locked(KEY.revision):
        assert exports.put(KEY, two_files) == exports.find(KEY) == folder


def test_an_older_exporter_or_another_precision_is_another_export(exports: Exports) -> None:
    assert exports.find(Key(KEY.revision, "fp32")) is None
    assert exports.find(Key(KEY.revision, "int8", version=KEY.version + 1)) is None
    assert exports.find(Key("fedcba9876543210", "int8")) is None


def test_a_failed_export_leaves_what_was_there(exports: Exports) -> None:
    def fails(folder: Path) -> None:
        (folder / "vision.onnx").write_bytes(b"half")
        raise OSError("No space left on device")

    with exports.locked(KEY.revision), pytest.raises(OSError, match="No space"):
        exports.put(KEY, fails)
    assert exports.find(KEY) is not None
    assert not list(exports.folder.glob(".*"))


def test_two_processes_export_once(folder: Path, tmp_path: Path) -> None:
    both = [export(folder, tmp_path) for _ in range(2)]
    said = [json.loads(one.communicate(timeout=180)[0]) for one in both]
    assert [one.returncode for one in both] == [0, 0]
    assert sorted(one["made"] for one in said) == [[], ["fp32", "int8"]]


def test_a_killed_export_is_begun_again_and_its_rests_go(folder: Path, tmp_path: Path) -> None:
    killed = export(folder, tmp_path)
    until = time.monotonic() + 120
    while not list(tmp_path.glob(".*-fp32-*/*")):
        assert killed.poll() is None and time.monotonic() < until
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    left = list(tmp_path.glob(".*-fp32-*"))
    assert left and not list(tmp_path.glob("*-fp32-*/" + MANIFEST))
    encoder = ClipEncoder.load(str(folder), precision="int8", backend="onnx", cache=tmp_path)
    assert encoder.texts(["a red mug"]).shape == (1, 64)
    assert not any(path.exists() for path in left)


def test_a_worker_makes_a_spoiled_export_again(folder: Path, tmp_path: Path) -> None:
    def load() -> ClipEncoder:
        return ClipEncoder.load(str(folder), precision="fp32", backend="onnx", cache=tmp_path)

    before = load().texts(["a red mug", "shoe"])
    (spoiled,) = tmp_path.glob("*/text.onnx.data")
    os.truncate(spoiled, 1000)
    assert abs(load().texts(["a red mug", "shoe"]) - before).max() < 1e-6
    assert spoiled.stat().st_size > 1000


def test_exports_end_with_the_worker_that_waits_for_them(folder: Path, tmp_path: Path) -> None:
    """The kernel kills the exporter when its parent is killed: its lock falls, nothing stays."""
    code = (
        "import sys; from pathlib import Path; from worker.encoder import ClipEncoder;"
        "ClipEncoder.load(sys.argv[1], precision='int8', backend='onnx', cache=Path(sys.argv[2]))"
    )
    worker = subprocess.Popen(
        [sys.executable, "-c", code, str(folder), str(tmp_path)], cwd=ROOT,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    until = time.monotonic() + 120
    while not list(tmp_path.glob("*.lock")):
        assert worker.poll() is None and time.monotonic() < until
        time.sleep(0.01)
    worker.kill()
    worker.wait()
    with Exports(tmp_path).locked(next(tmp_path.glob("*.lock")).stem):  # or this waits for ever
        assert not list(tmp_path.glob("*-int8-*"))


def test_the_folder_is_in_the_home_of_the_user_unless_it_is_named() -> None:
    assert Settings().cache_folder == Path.home() / ".cache" / "sightline"
    assert Settings(cache_dir="/var/cache/sightline").cache_folder == Path("/var/cache/sightline")
