"""The text encoder equals sentence-transformers on one text, and takes nothing but safe folders."""

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from transformers import AutoModel, AutoTokenizer

from worker.encoder import BadVector, ModelUnusable, OutOfMemory, TextEncoder, encode_each
from worker.encoder.loading import folder_revision
from worker.encoder.random_folder import WORDS
from worker.encoder.random_text_folder import LONGEST, write
from worker.encoder.text import CHUNK, MODEL_FILES

Vectors = NDArray[np.float32]
ROOT = Path(__file__).parents[2]
MIXED = ["", "red leather jacket", "Ünïcødé 猫 🙂", "a " * 300, "zzqx", "mug\n\tcup", " \x00 "]
E5 = {"query": "query: ", "passage": "passage: "}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    write(path)
    return path


@pytest.fixture(scope="module")
def prompted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("prompted")
    write(path, prompts=E5)
    return path


def load(folder: Path, **options: Any) -> TextEncoder:
    return TextEncoder.load(str(folder), **{"device": "cpu", "batch_size": 8, **options})


@pytest.fixture
def encoder(folder: Path) -> TextEncoder:
    return load(folder)


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    shutil.copytree(folder, tmp_path / "copy")
    return tmp_path / "copy"


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def mean_of_tokens(folder: Path, text: str) -> Vectors:
    """The mean of a text's token vectors, by transformers alone."""
    tokens = AutoTokenizer.from_pretrained(folder)(text, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        mean = AutoModel.from_pretrained(folder)(**tokens).last_hidden_state[0].mean(dim=0)
    return np.asarray(mean / mean.norm(), dtype=np.float32)


def test_vectors_are_the_mean_of_the_tokens_in_any_company(
    folder: Path, encoder: TextEncoder
) -> None:
    ours = encoder.texts(MIXED * 3)
    theirs = np.stack([mean_of_tokens(folder, text) for text in MIXED])
    assert ours.shape == (21, encoder.dimensions) and ours.dtype == np.float32
    assert np.abs(ours - np.tile(theirs, (3, 1))).max() < 1e-4
    assert np.allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-5)


def test_order_and_length_are_those_of_the_input(encoder: TextEncoder) -> None:
    whole = encoder.texts(MIXED * 2)
    one_by_one = np.concatenate([encoder.texts([text]) for text in MIXED * 2])
    assert np.abs(whole - one_by_one).max() < 1e-4
    assert np.abs(encoder.texts(MIXED[::-1]) - whole[: len(MIXED)][::-1]).max() < 1e-4
    assert encoder.texts([]).shape == encoder.queries([]).shape == (0, encoder.dimensions)


def test_what_is_beyond_the_models_length_is_cut(encoder: TextEncoder) -> None:
    fits = "mug " * (LONGEST - 3)
    just, beyond, shorter = encoder.texts([fits + "mug", fits + "mug " + "cat " * 9999, fits])
    assert np.abs(just - beyond).max() < 1e-5
    assert np.abs(just - shorter).max() > 1e-5


@pytest.fixture(scope="module")
def shared(folder: Path) -> TextEncoder:
    return load(folder)


@given(texts=st.lists(st.text(), max_size=12))
@settings(max_examples=60, deadline=None)
def test_any_text_has_a_vector(shared: TextEncoder, texts: list[str]) -> None:
    vectors = shared.texts(texts)
    assert vectors.shape == (len(texts), shared.dimensions)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)


def test_half_a_character_fails_alone(encoder: TextEncoder) -> None:
    good, bad, also_good = encode_each(encoder.texts, ["red mug", "\ud800", "blue mug"])
    assert isinstance(good, np.ndarray) and isinstance(also_good, np.ndarray)
    assert isinstance(bad, Exception)


def test_texts_that_share_words_are_nearer_than_others(encoder: TextEncoder) -> None:
    draw = np.random.default_rng(0)
    picks = [draw.choice(WORDS, 12, replace=False) for _ in range(50)]
    first = encoder.texts([" ".join(pick[:4]) for pick in picks])
    sharing = encoder.texts([" ".join([*pick[:2], *pick[4:6]]) for pick in picks])
    others = encoder.texts([" ".join(pick[8:]) for pick in picks])
    near, far = (first * sharing).sum(axis=1), (first * others).sum(axis=1)
    assert near.mean() > far.mean() + 0.2
    assert (near > far).mean() > 0.95


def test_a_model_without_prompts_sees_queries_as_texts(encoder: TextEncoder) -> None:
    assert not encoder.asymmetric
    assert np.array_equal(encoder.queries(["red mug"]), encoder.texts(["red mug"]))


def test_the_prompts_of_a_model_are_put_before_its_texts(
    prompted: Path, encoder: TextEncoder
) -> None:
    asked = load(prompted)
    assert asked.asymmetric
    assert np.abs(asked.queries(["red mug"]) - encoder.texts(["query: red mug"])).max() < 1e-5
    assert np.abs(asked.texts(["red mug"]) - encoder.texts(["passage: red mug"])).max() < 1e-5


def test_a_prompt_for_queries_alone_leaves_documents_as_they_are(
    copy: Path, encoder: TextEncoder
) -> None:
    change(copy / "config_sentence_transformers.json", prompts={"query": "find: "})
    asked = load(copy)
    assert asked.asymmetric
    assert np.abs(asked.queries(["red mug"]) - encoder.texts(["find: red mug"])).max() < 1e-5
    assert np.array_equal(asked.texts(["red mug"]), encoder.texts(["red mug"]))


def test_a_plain_folder_is_pooled_by_the_mean(copy: Path, encoder: TextEncoder) -> None:
    for name in ("modules.json", "sentence_bert_config.json", "config_sentence_transformers.json"):
        (copy / name).unlink()
    shutil.rmtree(copy / "1_Pooling")
    assert np.abs(load(copy).texts(MIXED) - encoder.texts(MIXED)).max() < 1e-5


def test_a_folder_without_a_length_is_cut_where_its_positions_end(copy: Path) -> None:
    change(copy / "tokenizer_config.json", model_max_length=10**30)
    assert np.isfinite(load(copy).texts(["a " * 2000])).all()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0])
def test_vectors_without_meaning_are_refused(encoder: TextEncoder, value: float) -> None:
    for weights in encoder._model.parameters():
        weights.data.fill_(value)
    with pytest.raises(BadVector):
        encoder.texts(["red mug"])


class SmallDevice:
    """A model that runs out of memory above `fits` inputs, and remembers what it was given."""

    def __init__(self, encoder: TextEncoder, fits: int) -> None:
        self.sizes: list[int] = []
        self.longest = 0
        self._fits = fits
        encoder._model[0].register_forward_pre_hook(self)

    def __call__(self, module: torch.nn.Module, given: tuple[dict[str, torch.Tensor]]) -> None:
        count, tokens = given[0]["input_ids"].shape
        self.sizes.append(count)
        self.longest = max(self.longest, tokens)
        if count > self._fits:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")


def test_out_of_memory_halves_the_batch_loses_nothing_and_is_remembered(
    encoder: TextEncoder,
) -> None:
    texts = [f"photo {i}" for i in range(20)]
    expected = encoder.texts(texts)
    device = SmallDevice(encoder, fits=3)
    assert np.abs(encoder.texts(texts) - expected).max() < 1e-4
    assert device.sizes[:4] == [8, 4, 2, 2]
    assert encoder.batch_size == 2


def test_a_single_text_that_does_not_fit_says_so(encoder: TextEncoder) -> None:
    SmallDevice(encoder, fits=0)
    with pytest.raises(OutOfMemory):
        encoder.texts(["photo"])


def test_the_warm_up_runs_one_full_batch_of_chunks(encoder: TextEncoder) -> None:
    device = SmallDevice(encoder, fits=8)
    encoder.warm_up()
    assert (device.sizes, device.longest) == ([8], LONGEST)
    assert len(CHUNK) == 900


@pytest.mark.parametrize(
    "edit",
    [
        lambda path: change(path / "1_Pooling" / "config.json", pooling_mode="cls"),
        lambda path: change(path / "config_sentence_transformers.json", prompts=E5),
        lambda path: change(path / "sentence_bert_config.json", max_seq_length=16),
        lambda path: (path / "modules.json").unlink(),
        lambda path: change(path / "tokenizer_config.json", do_lower_case=False),
        lambda path: write(path, seed=1),
    ],
    ids=["pooling", "prompts", "length", "modules", "tokenizer", "weights"],
)
def test_whatever_moves_a_vector_is_another_revision(
    copy: Path, encoder: TextEncoder, edit: Callable[[Path], object]
) -> None:
    assert load(copy).revision == encoder.revision
    (copy / "README.md").write_text("a model card")
    (copy / ".cache").mkdir()
    (copy / ".cache" / "listing.json").write_text("{}")
    assert load(copy).revision == encoder.revision
    edit(copy)
    assert load(copy).revision != encoder.revision


def test_a_random_folder_is_the_same_on_every_run(folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "worker.encoder.random_text_folder", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    assert folder_revision(tmp_path, MODEL_FILES) == folder_revision(folder, MODEL_FILES)


def test_a_folder_of_another_revision_is_refused(folder: Path, encoder: TextEncoder) -> None:
    assert load(folder, revision=encoder.revision).revision == encoder.revision
    with pytest.raises(ModelUnusable):
        load(folder, revision="0123456789abcdef")


def test_a_name_in_the_hub_cache_is_pinned_to_its_commit(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    cached = tmp_path / "models--somebody--tiny-text"
    shutil.copytree(folder, cached / "snapshots" / commit)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for revision in (None, commit):
        loaded = TextEncoder.load("somebody/tiny-text", revision, device="cpu")
        assert (loaded.name, loaded.revision) == ("somebody/tiny-text", commit)
    for name in ("somebody/else", "/no/such/folder", "not a name"):
        with pytest.raises(ModelUnusable):
            TextEncoder.load(name, device="cpu")


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    tried: list[object] = []

    def refuse(*address: object, **options: object) -> None:
        tried.append(address)
        raise OSError("There is no network.")

    for way in ("getaddrinfo", "create_connection"):
        monkeypatch.setattr(socket, way, refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    return tried


@pytest.mark.parametrize("plain", [False, True])
def test_a_folder_never_asks_a_hub(copy: Path, no_network: list[object], plain: bool) -> None:
    if plain:
        (copy / "modules.json").unlink()
    load(copy).texts(["red mug", "https://example.com/mug.jpg"])
    assert no_network == []
    with pytest.raises(ModelUnusable):
        TextEncoder.load("somebody/no-such-model", device="cpu")
    assert no_network != []


def spoilt(copy: Path) -> Path:
    (copy / "model.safetensors").write_bytes(b"no weights")
    return copy


def pickled(copy: Path) -> Path:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    return copy


def pickled_module(copy: Path) -> Path:
    """Return a model whose last layer is a pickle, which the library would read."""
    modules: list[Any] = [Transformer(str(copy)), Pooling(64, "mean"), Dense(64, 16)]
    whole = SentenceTransformer(modules=modules, device="cpu")
    whole.save_pretrained(str(copy / "whole"), create_model_card=False)
    dense = copy / "whole" / "2_Dense"
    assert load(copy / "whole").dimensions == 16
    torch.save(modules[2].state_dict(), dense / "pytorch_model.bin")
    (dense / "model.safetensors").unlink()
    return copy / "whole"


def foreign_module(copy: Path) -> Path:
    """Return a model that names a class of its own, beside it."""
    modules = json.loads((copy / "modules.json").read_text())
    modules[1]["type"] = "own.Pooling"
    (copy / "modules.json").write_text(json.dumps(modules))
    (copy / "own.py").write_text("raise SystemExit('this must never run')")
    return copy


def own_code(copy: Path) -> Path:
    """Return a model whose configuration asks for code beside it."""
    change(copy / "config.json", model_type="own", auto_map={"AutoConfig": "own.Config"})
    (copy / "own.py").write_text("raise SystemExit('this must never run')")
    return copy


def empty(copy: Path) -> Path:
    (copy / "empty").mkdir()
    return copy / "empty"


KINDS = [empty, spoilt, pickled, pickled_module, foreign_module, own_code]


@pytest.mark.parametrize("spoil", KINDS, ids=lambda spoil: spoil.__name__)
def test_folders_that_cannot_be_served_are_refused(
    copy: Path, spoil: Callable[[Path], Path]
) -> None:
    with pytest.raises(ModelUnusable):
        load(spoil(copy))


def test_a_model_of_pictures_and_texts_is_refused(tmp_path: Path) -> None:
    from worker.encoder.random_folder import write as write_clip

    write_clip(tmp_path, "tiny")
    with pytest.raises(ModelUnusable, match="more than text"):
        load(tmp_path)


def test_bf16_stays_close_and_an_unknown_precision_is_refused(
    folder: Path, encoder: TextEncoder
) -> None:
    half = load(folder, precision="bf16")
    assert (half.precision, encoder.precision) == (torch.bfloat16, torch.float32)
    assert (half.texts(MIXED) * encoder.texts(MIXED)).sum(axis=1).min() > 0.999
    with pytest.raises(ModelUnusable):
        load(folder, precision="int3")
    with pytest.raises(ValueError, match="batch_size"):
        load(folder, batch_size=0)


def test_loading_leaves_the_threads_of_torch_alone(folder: Path) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        load(folder)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_the_library_is_imported_with_the_first_text_model_alone() -> None:
    code = (
        "import sys, worker.encoder, worker.encoder.random_text_folder;"
        "print(sorted({'sentence_transformers', 'sklearn'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
