"""Text models: chunks, names and queries in, unit vectors of one space out."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import RevisionResolutionError
from safetensors import SafetensorError

from worker.encoder import loading
from worker.encoder.batches import Batches, Vectors, normalised
from worker.encoder.errors import ModelUnusable

FILES = ("*.json", "*.safetensors", "*.model", "*vocab.txt", "*merges.txt")
"""All that is fetched from a hub: no pickles, no code, no copies for other runtimes."""

MODEL_FILES = (*FILES, *(f"[!.]*/**/{pattern}" for pattern in FILES))
"""What a vector depends on: those of the folder and of its modules' folders (`1_Pooling`)."""

DOCUMENT_PROMPTS = ("document", "passage", "corpus")
"""Names that models use. The library stops at an empty `document`, and would lose `passage: `."""

OTHER_INPUTS = ("image", "audio", "video")

CHUNK = "a few words " * 75
"""As long as a chunk of a document: 900 characters."""

CANNOT_LOAD = (
    OSError, ValueError, KeyError, TypeError, AttributeError, ImportError, RuntimeError,
    SafetensorError,
)  # fmt: skip
"""What the library raises for folders that are incomplete, or need code that is not its own."""


class TextEncoder(Batches):
    """Encodes with any sentence-transformers model; vectors are float32 (n, dimensions), length 1.

    A folder without `modules.json` is pooled by the mean of its tokens. Both calls give as many
    vectors as they were given texts, in the same order, and cut each text at the model's length.
    They raise BadVector or OutOfMemory, and whatever torch raises; `bisect.encode_each` finds the
    culprit. One thread at a time.
    """

    def __init__(self, name: str, revision: str, model: Any, batch_size: int = 32) -> None:
        dimensions = model.get_embedding_dimension()
        if dimensions is None:
            raise ModelUnusable("The text model does not say how many numbers a vector has.")
        super().__init__(dimensions, model.device, batch_size)
        self.name = name
        self.revision = revision
        self.precision: torch.dtype = model.dtype
        self._model = model
        documents = _prompt(model.prompts, *DOCUMENT_PROMPTS)
        queries = _prompt(model.prompts, "query")
        self._encode_documents = partial(model.encode_document, prompt=documents)
        self._encode_queries = partial(model.encode_query, prompt=queries)
        self.asymmetric: bool = documents != queries or _has_routes(model)
        """Whether the same words have another vector as a query than as a document."""

    @classmethod
    def load(
        cls,
        name: str,
        revision: str | None = None,
        device: str = "auto",
        precision: str = "auto",
        batch_size: int = 32,
    ) -> "TextEncoder":
        """Load a folder, or a hub name at a commit; raises ModelUnusable.

        Never sets torch's threads: the image model of the same process does, or nobody.
        Imports sentence-transformers at the first call: 1 s and 50 MB, 38 of them scikit-learn.
        """
        if batch_size < 1:
            raise ValueError("batch_size must be at least 1")
        chosen = loading.pick_device(device)
        folder, found = _locate(name, revision)
        model = _read(name, folder)
        size = sum(weights.numel() for weights in model.parameters())
        model.to(device=chosen, dtype=loading.pick_precision(precision, chosen, size)).eval()
        return cls(name, found, model, batch_size)

    def texts(self, texts: Sequence[str]) -> Vectors:
        """Encode what is searched, with the model's prompt for documents if it has one."""
        return self._in_batches(partial(_forward, self._encode_documents), texts)

    def queries(self, queries: Sequence[str]) -> Vectors:
        """Encode what is searched for, with the model's prompt for queries if it has one."""
        return self._in_batches(partial(_forward, self._encode_queries), queries)

    def warm_up(self) -> None:
        """Run one full batch of chunks, so that the first real one is neither slow nor fatal."""
        self.texts([CHUNK] * self.batch_size)


def _forward(encode: Any, texts: Sequence[str]) -> torch.Tensor:
    options = {"show_progress_bar": False, "convert_to_tensor": True}
    return normalised(encode(list(texts), batch_size=len(texts), **options))


def _prompt(prompts: dict[str, str], *names: str) -> str:
    """Return the first prompt that says something, or nothing to put before the texts."""
    return next((prompts[name] for name in names if prompts.get(name)), "")


def _has_routes(model: Any) -> bool:
    """Tell whether queries and documents run through modules of their own."""
    from sentence_transformers.base.modules import Router

    return any(isinstance(module, Router) for module in model.modules())


def _locate(name: str, revision: str | None) -> tuple[Path, str]:
    """Return the folder and its revision; a hub name is fetched, or found in the local cache."""
    folder = Path(name)
    if folder.is_dir():
        found = loading.folder_revision(folder, MODEL_FILES)
        if revision not in (None, found):
            raise ModelUnusable(f"The model folder has revision {found}, not {revision}.")
        return folder, found
    try:
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=list(FILES)))
    except (OSError, ValueError, RevisionResolutionError) as error:
        raise ModelUnusable(f"No folder and no hub name: {name!r}.") from error
    return folder, folder.name  # .../snapshots/<commit>


def _read(name: str, folder: Path) -> Any:
    """Load from safetensors alone, without remote code, and without asking a hub."""
    from sentence_transformers import SentenceTransformer

    _refuse_pickles(folder)
    try:
        model: Any = SentenceTransformer(
            str(folder),
            device="cpu",
            local_files_only=True,
            trust_remote_code=False,
            # fp32 first: an fp16 file would load as fp16, which is 5 times slower on a CPU.
            model_kwargs={"dtype": torch.float32, "use_safetensors": True},
        )
    except CANNOT_LOAD as error:
        raise ModelUnusable(f"The text model {name!r} cannot be loaded.") from error
    if any(model.supports(kind) for kind in OTHER_INPUTS):
        # To such a model a text that is the address of a picture means the picture: it fetches it.
        raise ModelUnusable(f"The model {name!r} takes more than text.")
    return model


def _refuse_pickles(folder: Path) -> None:
    """Raise ModelUnusable for a module that would load `pytorch_model.bin`, as the library can."""
    for pickled in folder.rglob("pytorch_model*.bin"):
        if not any(pickled.parent.glob("*.safetensors")):
            raise ModelUnusable(f"Weights must be safetensors: {pickled.relative_to(folder)}.")
