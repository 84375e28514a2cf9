"""`auto` takes the fastest way that is alike enough, waits for no tiny model, and never fails."""

from pathlib import Path

import numpy as np
import pytest
import torch

from worker.encoder import ClipEncoder, ModelUnusable, choosing, gate, loading
from worker.encoder.backends import CPU, NAMES, Way
from worker.encoder.random_folder import write

ALIKE, UNALIKE = 0.97, 0.94


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    write(path, "tiny")
    return path


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Path:
    """A folder of exports that has both precisions of the model."""
    made = tmp_path_factory.mktemp("cache")
    ClipEncoder.load(str(folder), precision="int8", backend="onnx", cache=made)
    return made


@pytest.fixture(autouse=True)
def nothing_is_tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "TINY", 0)


def told(folder: Path, cache: Path, rates: dict[str, float], overlaps: dict[str, float]) -> None:
    """Put a record into the folder as if this machine had measured so."""
    found = loading.find(str(folder), None)
    ways = choosing.candidates(found, "auto")
    about = gate.subject(found.revision, ways, torch.get_num_threads())
    measured = []
    for way in about.ways:
        share = overlaps.get(way.partition(":")[0], 1.0)
        overlap = gate.Overlap(pictures=share, texts=1.0, mixed=1.0)
        rate = rates.get(way.partition(":")[0], 1.0)
        measured.append(gate.Measured(way=way, overlap=overlap, rate=rate))
    gate.keep(cache, gate.Record(subject=about, measured=tuple(measured)))


@pytest.mark.parametrize(
    ("rates", "overlaps", "chosen"),
    [
        ({"torch": 100, "onnx": 150, "openvino": 120}, {"onnx": ALIKE}, "onnx"),
        ({"torch": 100, "onnx": 150, "openvino": 160}, {"onnx": ALIKE}, "openvino"),
        ({"torch": 100, "onnx": 150, "openvino": 120}, {"onnx": UNALIKE}, "openvino"),
        ({"torch": 100, "onnx": 150, "openvino": 109}, {"onnx": UNALIKE}, "torch"),
        ({"torch": 100, "onnx": 109, "openvino": 109}, {}, "torch"),
        ({"torch": 100, "onnx": 150, "openvino": 150}, dict.fromkeys(["onnx", "openvino"], UNALIKE),
         "torch"),
    ],
)  # fmt: skip
def test_the_fastest_that_is_alike_enough_is_chosen(
    folder: Path, cache: Path, rates: dict[str, float], overlaps: dict[str, float], chosen: str
) -> None:
    told(folder, cache, rates, overlaps)
    encoder = ClipEncoder.load(str(folder), device="cpu", backend="auto", cache=cache)
    assert encoder.backend.way.backend == encoder.about["backend"] == chosen
    assert encoder.precision == encoder.about["precision"]
    assert [one["rate"] for one in encoder.about["gate"]] == [
        rates[one["way"].partition(":")[0]] for one in encoder.about["gate"]
    ]
    assert encoder.images([np.zeros((224, 224, 3), np.uint8)]).shape == (1, 64)


def test_a_record_of_another_machine_or_a_broken_one_is_none(folder: Path, cache: Path) -> None:
    found = loading.find(str(folder), None)
    about = gate.subject(found.revision, choosing.candidates(found, "auto"), 1)
    overlap = gate.Overlap(pictures=1, texts=1, mixed=1)
    measured = tuple(gate.Measured(way=way, overlap=overlap, rate=1) for way in about.ways)
    record = gate.Record(subject=about, measured=measured)
    gate.keep(cache, record)
    assert gate.read(cache, about) == record
    elsewhere = about.model_copy(update={"machine": "another, 64 cores"})
    assert gate.read(cache, elsewhere) is None
    path = cache / about.file
    whole = path.read_text()
    for broken in (whole[:-20], "", "[]", whole.replace('"rate"', '"speed"')):
        path.write_text(broken)
        assert gate.read(cache, about) is None
    (cache / elsewhere.file).write_text(whole)  # copied from another machine
    assert gate.read(cache, elsewhere) is None


def test_a_tiny_model_stays_with_pytorch_and_exports_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "TINY", 10_000_000)
    monkeypatch.setattr(choosing, "CHILD", "never.started")
    encoder = ClipEncoder.load(str(folder), device="cpu", backend="auto", cache=tmp_path)
    assert encoder.backend.way.backend == "torch" and "tiny" in encoder.about["why"]
    assert list(tmp_path.iterdir()) == []


def test_a_large_model_is_not_exported_at_the_start(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "LARGEST", 0)
    monkeypatch.setattr(choosing, "CHILD", "never.started")
    encoder = ClipEncoder.load(str(folder), device="cpu", backend="auto", cache=tmp_path)
    assert encoder.backend.way.backend == "torch"
    assert list(tmp_path.iterdir()) == []


def test_auto_serves_with_pytorch_where_nothing_can_be_exported(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a folder")
    cache = tmp_path / "file" / "below"
    encoder = ClipEncoder.load(str(folder), device="cpu", backend="auto", cache=cache)
    assert encoder.backend.way.backend == "torch"
    with pytest.raises(ModelUnusable, match="cannot be exported"):
        ClipEncoder.load(str(folder), precision="int8", backend="onnx", cache=cache)


def test_auto_waits_for_an_export_only_so_long(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "PATIENCE", 0.5)
    encoder = ClipEncoder.load(str(folder), device="cpu", backend="auto", cache=tmp_path)
    assert encoder.backend.way.backend == "torch"


def test_a_set_precision_is_kept_whatever_is_faster(folder: Path, cache: Path) -> None:
    found = loading.find(str(folder), None)
    for precision in ("fp32", "bf16", "fp16"):
        assert {way.precision for way in choosing.candidates(found, precision)} == {precision}
    encoder = ClipEncoder.load(str(folder), precision="int8", device="cpu", backend="auto",
                               cache=cache)  # fmt: skip
    assert encoder.backend.way == Way("onnx", "int8")


def test_pytorch_is_told_as_well(folder: Path) -> None:
    encoder = ClipEncoder.load(str(folder), device="cpu", precision="fp32")
    assert encoder.backend.device == CPU and encoder.precision in NAMES.values()
    assert encoder.about == {"backend": "torch", "precision": "fp32", "device": "cpu",
                             "why": "as set", "recorded": False}  # fmt: skip


def test_overlap_counts_the_ten_best_that_both_have() -> None:
    scores = np.tile(np.arange(40, dtype=np.float32), (5, 1))
    assert gate.overlap(scores, scores * 2 + 1) == 1
    assert gate.overlap(scores, -scores) == 0
    nearly = scores.copy()
    nearly[:, 0] = 100  # one foreign picture among the ten
    assert gate.overlap(scores, nearly) == pytest.approx(0.9)


def test_a_shift_of_every_vector_shows_in_the_mixed_catalog_alone() -> None:
    random = np.random.default_rng(0)
    pictures, texts = (random.normal(size=(n, 32)).astype(np.float32) for n in (96, 48))
    pictures[:, 0] = 0
    shift = np.eye(32, dtype=np.float32)[0] * 3  # to where no picture is, so all scores move alike
    same = gate.compare((pictures, texts), (pictures, texts))
    assert (same.pictures, same.texts, same.mixed) == (1, 1, 1)
    moved = gate.compare((pictures, texts), (pictures + shift, texts))
    assert moved.pictures == moved.texts == 1 and moved.mixed < 0.9
