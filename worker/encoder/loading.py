"""Finds and loads a CLIP folder or hub name: its revision, parts, device, precision and threads."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, CLIPConfig, CLIPModel
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.utils.hub import cached_file

from db.settings import DEMO_MODEL
from worker.encoder.errors import ModelUnusable
from worker.encoder.preprocess import Preprocessing

DEMO_FOLDER = Path(__file__).resolve().parents[1] / "demo_model" / "weights"
TINY = 10_000_000
"""Parameters below which torch gets one thread on a CPU: its second one fights with decoding.

Measured at 2 M parameters, bf16, 2 cores, 2 decode threads beside: 569-741 pictures/s with one
torch thread, 393-569 with two. (Alone, without decoding, two are faster.)
"""

WORTH_BF16 = 1_000_000
"""Parameters from which bf16 is faster on a CPU that has it; below, overhead rules and fp32 wins.

Pictures/s in batches of 32 on one thread, fp32 and bf16: 358 and 1,051 at 2 M parameters, 9.5 and
35 at 151 M; at 0.5 M 775 and 744. One short text at 2 M is the exception: 0.42 ms and 0.58 ms.
"""

MODEL_FILES = (
    "*.safetensors",
    "config.json",
    "merges.txt",
    "model.safetensors.index.json",
    "preprocessor_config.json",
    "processor_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
)
"""What a vector depends on; a model card may change without a new revision."""

PRECISIONS = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}
LEGACY_EOS = 2
"""OpenAI's old configs say 2; transformers then finds the end by the largest id, which works."""


UNREADABLE = (OSError, ValueError, KeyError, TypeError)
"""What transformers raises for folders that are incomplete, and for names that no hub knows."""


@dataclass(frozen=True)
class Found:
    """What a folder or hub name holds besides its weights, at the revision that names all of it."""

    name: str
    revision: str
    source: str
    """The folder, absolute, or the hub name."""
    tokenizer: Any
    preprocessing: Preprocessing
    config: Any
    size: int
    """Parameters."""
    where: dict[str, Any] = field(repr=False)
    """How transformers is told to read this commit and nothing else."""

    def model(self, device: torch.device, precision: torch.dtype) -> Any:
        """Load the weights from safetensors alone, ready to be asked; raises ModelUnusable."""
        try:
            # fp32 first: an fp16 file would load as fp16, which is 5 times slower on a CPU.
            loaded: Any = CLIPModel.from_pretrained(
                self.source, dtype=torch.float32, use_safetensors=True, output_loading_info=True,
                **self.where,
            )  # fmt: skip
        except UNREADABLE as error:
            raise ModelUnusable(f"The image model {self.name!r} cannot be loaded.") from error
        model, report = loaded
        if report["missing_keys"]:
            # They would be filled at random, with other vectors at each start.
            raise ModelUnusable(f"The image model {self.name!r} lacks some of its weights.")
        return model.to(device=device, dtype=precision).eval()


def find(name: str, revision: str | None) -> Found:
    """Read all but the weights, of one and the same commit, without remote code.

    A folder never asks the hub. Raises ModelUnusable.
    """
    try:
        found = _found(name, revision)
    except UNREADABLE as error:
        raise ModelUnusable(f"The image model {name!r} cannot be loaded.") from error
    eos = found.config.text_config.eos_token_id
    if eos not in (LEGACY_EOS, found.tokenizer.eos_token_id):
        raise ModelUnusable("The tokenizer's end token is not the one that the model looks for.")
    return found


def _found(name: str, revision: str | None) -> Found:
    folder = DEMO_FOLDER if name == DEMO_MODEL else Path(name)
    where: dict[str, Any] = {"trust_remote_code": False}
    source = name
    if folder.is_dir():
        source, commit = str(folder.resolve()), folder_revision(folder)
        if revision not in (None, commit):
            raise ModelUnusable(f"The model folder has revision {commit}, not {revision}.")
        where["local_files_only"] = True
    else:
        where["revision"] = commit = hub_commit(name, revision)
    config = CLIPConfig.from_pretrained(source, **where)
    # By its class: without torchvision the automatic one warns and falls back to this.
    processor = CLIPImageProcessorPil.from_pretrained(source, **where)
    tokenizer = AutoTokenizer.from_pretrained(source, **where)
    return Found(
        name, commit, source, tokenizer, Preprocessing.of(processor), config, _size(config), where
    )


def _size(config: Any) -> int:
    with torch.device("meta"):  # where tensors have shapes alone
        return sum(weights.numel() for weights in CLIPModel(config).parameters())


def hub_commit(name: str, revision: str | None) -> str:
    """Return the commit that a hub name has now, or has in the local cache without a network."""
    config = cached_file(name, "config.json", revision=revision or "main")
    commit = Path(config or "").parent.name  # .../snapshots/<commit>/config.json
    if len(commit) != 40:
        raise ModelUnusable("The hub did not say which commit the model has.")
    return commit


def folder_revision(folder: Path, patterns: Sequence[str] = MODEL_FILES) -> str:
    """Return the first 16 hex digits of the SHA-256 over the files that make the vectors."""
    total = hashlib.sha256()
    files = {path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}
    for path in sorted(files):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        total.update(f"{path.relative_to(folder).as_posix()} {digest}\n".encode())
    return total.hexdigest()[:16]


def pick_device(device: str) -> torch.device:
    """Return the device that is named; `auto` is a GPU where there is one."""
    if device != "auto":
        return torch.device(device)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def pick_precision(precision: str, device: torch.device, size: int) -> torch.dtype:
    """Return the precision that is named; `auto` is bf16 where the hardware has it and it pays."""
    if precision != "auto":
        if precision not in PRECISIONS:
            known = "auto, fp32, bf16, fp16, and int8 for image models on a CPU"
            raise ModelUnusable(f"Unknown precision: {precision}; known: {known}.")
        return PRECISIONS[precision]
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = size >= WORTH_BF16 and device.type == "cpu" and cpu_has_bf16()
    return torch.bfloat16 if fast else torch.float32


def cpu_has_bf16() -> bool:
    """Tell whether the processor multiplies bf16 itself (AVX-512 or AMX); emulation is slow."""
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, probe, bool)() for probe in probes)


def set_threads(device: torch.device, size: int) -> None:
    """Leave torch one thread for a tiny model on a CPU, and the other cores to decoding.

    This holds for the whole process, which is why a process serves one size of image models,
    and why a text model beside them never sets it.
    """
    if device.type == "cpu" and size < TINY:
        torch.set_num_threads(1)
