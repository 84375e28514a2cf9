"""The encoder equals transformers' own processor and model, and keeps failures to their input."""

import shutil
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from transformers import CLIPModel, CLIPTokenizer
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from db.errors import BrokenImage
from tests.unit import pictures
from worker.encoder import (
    BadVector,
    ClipEncoder,
    ModelUnusable,
    OutOfMemory,
    Preprocessing,
    encode_each,
)
from worker.encoder.loading import folder_revision, pick_precision
from worker.encoder.random_folder import write

Vectors = NDArray[np.float32]
FILES = pictures.every_kind()
LAST = "channels_last"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    write(path, "tiny")
    return path


@pytest.fixture
def encoder(folder: Path) -> ClipEncoder:
    return ClipEncoder.load(str(folder), device="cpu", precision="fp32", batch_size=8)


def reference_model(folder: Path) -> Any:
    """Load as the documentation of transformers shows; a loaded model is in eval mode."""
    return CLIPModel.from_pretrained(folder, dtype=torch.float32)


def reference_picture(data: bytes) -> Image.Image:
    """Prepare a file as a careful user of transformers would, by Pillow's own means."""
    image = ImageOps.exif_transpose(Image.open(BytesIO(data)))
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) / 257).round().astype(np.uint8))
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        white = Image.new("RGB", seen.size, "white")
        white.paste(seen, mask=seen.getchannel("A"))
        return white
    return image.convert("RGB")


@pytest.fixture(scope="module")
def reference(folder: Path) -> dict[str, Vectors]:
    """The vectors that CLIPImageProcessor and CLIPModel give, one by one."""
    model = reference_model(folder)
    processor = CLIPImageProcessorPil.from_pretrained(folder)
    vectors = {}
    for name, data in FILES.items():
        picture = reference_picture(data)
        # Without the hint the processor takes a picture 1 or 3 pixels high for channels first.
        pixels = processor(picture, return_tensors="pt", input_data_format=LAST)
        with torch.inference_mode():
            vectors[name] = model.get_image_features(**pixels).pooler_output[0].numpy()
    return vectors


def unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / lengths, dtype=np.float32)


def test_every_kind_of_file_is_seen_as_transformers_sees_it(
    encoder: ClipEncoder, reference: dict[str, Vectors]
) -> None:
    ours = encoder.images([encoder.preprocessing.array(data) for data in FILES.values()])
    theirs = unit(np.stack([reference[name] for name in FILES]))
    assert np.allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-5)
    cosines = dict(zip(FILES, (ours * theirs).sum(axis=1), strict=True))
    assert {name: c for name, c in cosines.items() if c < 0.9999} == {}
    # With random weights unrelated pictures sit near 1, so look at what tells them apart.
    mean = theirs.mean(axis=0)
    apart = (unit(ours - mean) * unit(theirs - mean)).sum(axis=1)
    assert {n: c for n, c in zip(FILES, apart, strict=True) if c < 0.999} == {}


@pytest.mark.parametrize("name", FILES)
def test_pixels_differ_from_the_reference_by_rounding_only(name: str, folder: Path) -> None:
    processor = CLIPImageProcessorPil.from_pretrained(folder)
    ours = Preprocessing.of(processor).array(FILES[name]).astype(np.float32)
    options: Any = {"do_normalize": False, "do_rescale": False, "input_data_format": LAST}
    theirs = processor(reference_picture(FILES[name]), **options)["pixel_values"][0]
    error = np.mean((ours - np.moveaxis(np.asarray(theirs, np.float32), 0, -1)) ** 2)
    assert error < 0.5, f"PSNR {10 * np.log10(255**2 / error):.1f} dB"


def test_a_broken_picture_is_a_broken_picture(encoder: ClipEncoder) -> None:
    with pytest.raises(BrokenImage):
        encoder.preprocessing.array(pictures.jpeg(600, 400)[:9000])


def test_texts_equal_the_reference_whatever_their_company(
    encoder: ClipEncoder, folder: Path
) -> None:
    texts = ["", "red leather jacket", "Ünïcødé 猫 🙂", "a " * 300, "zzqx", "mug\n\tcup"] * 3
    ours = encoder.texts(texts)
    model = reference_model(folder)
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    padded = tokenizer(
        texts, padding="max_length", max_length=77, truncation=True, return_tensors="pt"
    )
    with torch.inference_mode():
        theirs = unit(model.get_text_features(**padded).pooler_output.numpy())
    assert ours.shape == (18, encoder.dimensions) and ours.dtype == np.float32
    assert np.abs(ours - theirs).max() < 1e-4


def test_order_and_length_are_those_of_the_input(encoder: ClipEncoder) -> None:
    arrays = [encoder.preprocessing.array(FILES[name]) for name in list(FILES)[:11]]
    whole = encoder.images(arrays)
    one_by_one = np.concatenate([encoder.images([array]) for array in arrays])
    assert whole.shape == (11, encoder.dimensions)
    assert np.abs(whole - one_by_one).max() < 1e-4
    assert np.abs(encoder.images(arrays[::-1]) - whole[::-1]).max() < 1e-4
    assert encoder.images([]).shape == encoder.texts([]).shape == (0, encoder.dimensions)


def test_arrays_of_another_shape_are_refused(encoder: ClipEncoder) -> None:
    with pytest.raises(ValueError, match="expected uint8"):
        encoder.images([np.zeros((10, 10, 3), np.uint8)])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0])
def test_vectors_without_meaning_are_refused(encoder: ClipEncoder, value: float) -> None:
    encoder.backend.model.visual_projection.weight.data.fill_(value)
    with pytest.raises(BadVector) as caught:
        encoder.images([np.zeros((224, 224, 3), np.uint8)])
    assert caught.value.code == "bad_vector"


class SmallDevice:
    """A model that runs out of memory above `fits` inputs, and remembers what it was given."""

    def __init__(self, encoder: ClipEncoder, fits: int) -> None:
        self.sizes: list[int] = []
        model = encoder.backend.model
        self._fits, self._real = fits, model.get_text_features
        model.get_text_features = self

    def __call__(self, input_ids: torch.Tensor) -> object:
        self.sizes.append(len(input_ids))
        if len(input_ids) > self._fits:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
        return self._real(input_ids=input_ids)


def test_out_of_memory_halves_the_batch_loses_nothing_and_is_remembered(
    encoder: ClipEncoder,
) -> None:
    texts = [f"photo {i}" for i in range(20)]
    expected = encoder.texts(texts)
    device = SmallDevice(encoder, fits=3)
    assert np.abs(encoder.texts(texts) - expected).max() < 1e-4
    assert device.sizes[:4] == [8, 4, 2, 2]
    assert encoder.batch_size == 2
    encoder.texts(texts)
    assert max(device.sizes[4:]) == 2


def test_a_single_input_that_does_not_fit_says_so(encoder: ClipEncoder) -> None:
    SmallDevice(encoder, fits=0)
    with pytest.raises(OutOfMemory):
        encoder.texts(["photo"])


def test_the_warm_up_runs_one_full_batch(encoder: ClipEncoder) -> None:
    device = SmallDevice(encoder, fits=8)
    encoder.warm_up()
    assert device.sizes == [8]


def fails_on(*culprits: int) -> tuple[list[int], object]:
    calls: list[int] = []

    def encode(inputs: Sequence[int]) -> Vectors:
        calls.append(len(inputs))
        for culprit in culprits:
            if culprit in inputs:
                raise ValueError(f"cannot do {culprit}")
        return np.array([[i] for i in inputs], np.float32)

    return calls, encode


@pytest.mark.parametrize("culprits", [(), (0,), (31,), (3, 4), (0, 9, 17, 31), tuple(range(32))])
def test_culprits_are_found_and_their_neighbours_encoded(culprits: tuple[int, ...]) -> None:
    calls, encode = fails_on(*culprits)
    results = encode_each(encode, range(32))  # type: ignore[arg-type]
    for i, result in enumerate(results):
        if i in culprits:
            assert isinstance(result, ValueError) and str(result) == f"cannot do {i}"
        else:
            assert isinstance(result, np.ndarray) and result[0] == i
    assert len(results) == 32 and len(calls) <= 1 + 10 * len(culprits)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA error: an illegal memory access was encountered"),
        RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
        torch.AcceleratorError("CUDA error: device-side assert triggered"),
    ],
)
def test_a_sticky_device_error_ends_the_process_and_blames_nobody(error: Exception) -> None:
    def encode(inputs: Sequence[int]) -> Vectors:
        raise error

    with pytest.raises(type(error)):
        encode_each(encode, [1, 2, 3])


def test_out_of_memory_of_one_input_is_not_sticky() -> None:
    def encode(inputs: Sequence[int]) -> Vectors:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

    assert [type(result) for result in encode_each(encode, [1, 2])] == [torch.OutOfMemoryError] * 2


def test_the_revision_names_the_content_of_the_folder(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    assert folder_revision(copy) == folder_revision(folder)
    assert len(folder_revision(copy)) == 16
    (copy / "README.md").write_text("a model card")
    assert folder_revision(copy) == folder_revision(folder)
    (copy / "tokenizer.json").write_text((copy / "tokenizer.json").read_text() + "\n")
    assert folder_revision(copy) != folder_revision(folder)


def test_a_random_folder_is_the_same_on_every_run(folder: Path, tmp_path: Path) -> None:
    write(tmp_path / "again", "tiny")
    assert folder_revision(tmp_path / "again") == folder_revision(folder)


def test_the_random_folder_spells_known_words_short_and_others_in_full(folder: Path) -> None:
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    assert len(tokenizer.tokenize("red leather jacket")) == 3
    assert tokenizer.unk_token not in tokenizer.tokenize("Zebra 猫 🙂 ~")


def test_a_folder_of_another_revision_is_refused(folder: Path) -> None:
    found = ClipEncoder.load(str(folder), folder_revision(folder), device="cpu").revision
    assert found == folder_revision(folder)
    with pytest.raises(ModelUnusable):
        ClipEncoder.load(str(folder), "0123456789abcdef", device="cpu")


def test_a_name_in_the_hub_cache_is_pinned_to_its_commit(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    cached = tmp_path / "models--somebody--tiny-clip"
    shutil.copytree(folder, cached / "snapshots" / commit)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    loaded = ClipEncoder.load("somebody/tiny-clip", device="cpu")
    assert (loaded.name, loaded.revision) == ("somebody/tiny-clip", commit)


def test_folders_that_cannot_be_served_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    pickled = tmp_path / "pickled"
    shutil.copytree(folder, pickled)
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    stretched = tmp_path / "stretched"
    shutil.copytree(folder, stretched)
    config = (stretched / "processor_config.json").read_text()
    (stretched / "processor_config.json").write_text(
        config.replace('"do_center_crop": true', '"do_center_crop": false')
    )
    for path in (tmp_path / "empty", pickled, stretched):
        with pytest.raises(ModelUnusable):
            ClipEncoder.load(str(path), device="cpu")


def test_precision_is_what_was_asked_for_and_bf16_stays_close(
    folder: Path, encoder: ClipEncoder
) -> None:
    cpu = torch.device("cpu")
    assert pick_precision("fp32", cpu, 10**9) is torch.float32
    assert pick_precision("bf16", cpu, 10) is torch.bfloat16
    with pytest.raises(ModelUnusable):
        pick_precision("int3", cpu, 10)
    half = ClipEncoder.load(str(folder), device="cpu", precision="bf16")
    arrays = [encoder.preprocessing.array(FILES[name]) for name in list(FILES)[:8]]
    cosines = (half.images(arrays) * encoder.images(arrays)).sum(axis=1)
    assert half.precision == "bf16" and cosines.min() > 0.999


def test_a_model_that_lacks_weights_is_refused(folder: Path, tmp_path: Path) -> None:
    """Transformers fills them at random, so that each start would give other vectors."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(folder, tmp_path / "model")
    file = tmp_path / "model" / "model.safetensors"
    weights = load_file(file)
    weights.pop("visual_projection.weight")
    save_file(weights, file, {"format": "pt"})
    with pytest.raises(ModelUnusable, match="weights"):
        ClipEncoder.load(str(tmp_path / "model"))
