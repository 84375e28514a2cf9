"""Exported models give PyTorch's vectors, whatever runs them, and a model is searched as well."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.unit import pictures
from worker.demo_model import quality
from worker.demo_model.words import query
from worker.encoder import BadVector, ClipEncoder, ModelUnusable, choosing, gate
from worker.encoder.backends import Way
from worker.encoder.random_folder import write

Vectors = NDArray[np.float32]
WAYS = [Way("onnx", "fp32"), Way("onnx", "int8"), Way("openvino", "fp32"), Way("openvino", "bf16")]
LEAST = {"fp32": 0.9999, "bf16": 0.99, "int8": 0.99}
"""The lowest cosine to fp32, once the mean is gone in which random weights put everything."""
TEXTS = ["", "red leather jacket", "Ünïcødé 猫 🙂", "a " * 300, "zzqx", "mug\n\tcup", "a blue mug"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    write(path, "tiny")
    return path


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def reference(folder: Path) -> ClipEncoder:
    return ClipEncoder.load(str(folder), device="cpu", precision="fp32")


def opened(folder: Path, way: Way, cache: Path) -> ClipEncoder:
    return ClipEncoder.load(
        str(folder), precision=way.precision, batch_size=8, backend=way.backend, cache=cache
    )


@pytest.fixture(params=WAYS, ids=str)
def encoder(request: pytest.FixtureRequest, folder: Path, cache: Path) -> ClipEncoder:
    return opened(folder, request.param, cache)


def apart(ours: Vectors, theirs: Vectors) -> Vectors:
    """The cosine of each pair without their common mean."""
    a, b = ours - theirs.mean(axis=0), theirs - theirs.mean(axis=0)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.asarray((a * b).sum(axis=1) / lengths, np.float32)


def test_pictures_and_texts_are_seen_as_pytorch_sees_them(
    encoder: ClipEncoder, reference: ClipEncoder
) -> None:
    arrays = [encoder.preprocessing.array(data) for data in pictures.every_kind().values()]
    least = LEAST[encoder.precision]
    assert apart(encoder.images(arrays), reference.images(arrays)).min() >= least
    assert apart(encoder.texts(TEXTS), reference.texts(TEXTS)).min() >= least


def test_order_and_length_are_those_of_the_input(
    encoder: ClipEncoder, reference: ClipEncoder
) -> None:
    arrays = [encoder.preprocessing.array(pictures.jpeg(300, 240, seed)) for seed in range(11)]
    least = LEAST[encoder.precision]
    for inputs, encode, theirs in (
        (arrays, encoder.images, reference.images(arrays)),
        (TEXTS, encoder.texts, reference.texts(TEXTS)),
    ):
        whole = encode(inputs)  # type: ignore[operator]
        assert whole.shape == (len(inputs), encoder.dimensions) and whole.dtype == np.float32
        assert np.allclose(np.linalg.norm(whole, axis=1), 1, atol=1e-5)
        one_by_one = np.concatenate([encode([one]) for one in inputs])  # type: ignore[operator]
        assert apart(one_by_one, theirs).min() >= least
        assert apart(encode(inputs[::-1]), theirs[::-1]).min() >= least  # type: ignore[operator]
        assert encode([]).shape == (0, encoder.dimensions)  # type: ignore[operator]


def test_results_stay_when_the_next_batch_comes(encoder: ClipEncoder) -> None:
    first = encoder.texts(["red leather jacket"])
    kept = first.copy()
    encoder.texts(["a blue mug"])
    assert np.array_equal(first, kept)


@pytest.mark.parametrize("way", [Way("onnx", "fp32"), Way("openvino", "fp32")], ids=str)
def test_vectors_without_meaning_are_refused(tmp_path: Path, cache: Path, way: Way) -> None:
    from safetensors.torch import load_file, save_file

    write(tmp_path, "tiny")
    file = tmp_path / "model.safetensors"
    weights = load_file(file)
    weights["visual_projection.weight"].fill_(0)
    save_file(weights, file, {"format": "pt"})
    encoder = opened(tmp_path, way, cache)
    with pytest.raises(BadVector):
        encoder.images([np.zeros((224, 224, 3), np.uint8)])


@pytest.fixture(scope="module")
def found_by_pytorch() -> dict[str, float]:
    return found(ClipEncoder.load("sightline-demo", device="cpu", precision="fp32"))


def found(encoder: ClipEncoder) -> dict[str, float]:
    """What `worker.demo_model.quality` measures, with any encoder."""
    things = quality.test_things(quality.SEED)
    shown = [quality._photograph(thing, quality.SEED + n) for n, thing in enumerate(things)]
    files = [pictures.saved(picture, "PNG") for picture in shown]
    seen = encoder.images([encoder.preprocessing.array(data) for data in files])
    scores = encoder.texts([query(thing) for thing in things]) @ seen.T
    best = np.argsort(-scores, axis=1)
    right = np.array([[quality._answers(asked, thing) for thing in things] for asked in things])
    hits = np.take_along_axis(right, best, axis=1)
    return {"first": hits[:, 0].mean(), "first_five": hits[:, :5].any(axis=1).mean()}


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_trained_model_finds_as_much(
    way: Way, cache: Path, found_by_pytorch: dict[str, float]
) -> None:
    encoder = ClipEncoder.load(
        "sightline-demo", precision=way.precision, backend=way.backend, cache=cache
    )
    now = found(encoder)
    assert now["first"] >= found_by_pytorch["first"] - 0.01
    assert now["first_five"] >= found_by_pytorch["first_five"] - 0.01


def test_the_setting_without_a_precision_takes_the_one_that_passes_the_gate(
    tmp_path: Path, cache: Path
) -> None:
    encoder = ClipEncoder.load("sightline-demo", backend="onnx", cache=cache)
    record = [gate.Measured.model_validate(one) for one in encoder.about["gate"]]
    assert [one.way for one in record] == ["torch:bf16", "onnx:int8", "onnx:fp32"] or [
        one.way for one in record
    ] == ["torch:fp32", "onnx:int8", "onnx:fp32"]
    by_way = {one.way: one.overlap.least for one in record}
    assert by_way["onnx:fp32"] >= 0.999
    assert by_way[f"onnx:{encoder.precision}"] >= gate.LEAST_OVERLAP


@pytest.mark.parametrize(
    ("backend", "precision", "device", "says"),
    [
        ("onnx", "bf16", "auto", "has int8, fp32"),
        ("openvino", "int8", "auto", "has bf16, fp32"),
        ("onnx", "int8", "cuda:0", "runs on a CPU"),
        ("tensorrt", "auto", "auto", "Unknown encoder"),
        ("torch", "int8", "cpu", "Unknown precision"),
        ("auto", "int3", "cpu", "Unknown precision"),
    ],
)
def test_what_no_backend_has_is_refused(
    folder: Path, cache: Path, backend: str, precision: str, device: str, says: str
) -> None:
    with pytest.raises(ModelUnusable, match=says):
        ClipEncoder.load(str(folder), None, device, precision, backend=backend, cache=cache)


def test_a_backend_that_is_not_installed_is_named_and_auto_does_without(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "is_installed", lambda backend: backend == "torch")
    with pytest.raises(ModelUnusable, match="the extra `cpu`"):
        opened(folder, Way("onnx", "int8"), cache)
    monkeypatch.setattr(choosing.loading, "TINY", 0)
    encoder = ClipEncoder.load(str(folder), device="cpu", backend="auto", cache=cache)
    assert encoder.backend.way.backend == "torch"
