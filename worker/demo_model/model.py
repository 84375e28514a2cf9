"""Builds, saves and applies the small CLIP model: shapes, tokenizer, first weights, vectors."""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer
from torch import nn
from transformers import AutoTokenizer, CLIPConfig, CLIPModel, CLIPTokenizer
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

SIDE, PATCH, VOCABULARY, POSITIONS, SPACE = 96, 12, 1000, 77, 512
MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)

Floats = npt.NDArray[np.float32]


def build_tokenizer(texts: Iterable[str]) -> Any:
    """Learn a byte-pair vocabulary in which every byte has a token, so no text is unknown."""
    frame: Any = CLIPTokenizer()._tokenizer
    learner = Tokenizer(BPE(end_of_word_suffix="</w>", fuse_unk=False))
    learner.normalizer, learner.pre_tokenizer = frame.normalizer, frame.pre_tokenizer
    alphabet = sorted(_byte_letters())
    trainer = BpeTrainer(
        vocab_size=VOCABULARY,
        initial_alphabet=alphabet,
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    learner.train_from_iterator(texts, trainer)
    vocab = [*alphabet, *(letter + "</w>" for letter in alphabet)]
    merges = []
    for left, right in _merges(learner):
        if len(vocab) == VOCABULARY - 2:
            break
        merges.append((left, right))
        vocab.append(left + right)
    vocab += ["<|startoftext|>", "<|endoftext|>"]
    ids = {token: n for n, token in enumerate(vocab)}
    clip: Any = CLIPTokenizer
    return clip(vocab=ids, merges=merges, model_max_length=POSITIONS)


def _byte_letters() -> list[str]:
    return list(ByteLevel.alphabet())


def _merges(learner: Tokenizer) -> list[tuple[str, str]]:
    return [(left, right) for left, right in json.loads(learner.to_str())["model"]["merges"]]


def build_model(tokenizer: Any) -> Any:
    """A CLIPModel of 2 million parameters whose first weights let a short training work."""
    eos = tokenizer.eos_token_id
    config = CLIPConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": 128,
            "intermediate_size": 512,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "projection_dim": SPACE,
            "max_position_embeddings": POSITIONS,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": eos,
            "pad_token_id": eos,
        },
        vision_config={
            "hidden_size": 160,
            "intermediate_size": 640,
            "num_hidden_layers": 4,
            "num_attention_heads": 5,
            "image_size": SIDE,
            "patch_size": PATCH,
            "projection_dim": SPACE,
        },
        projection_dim=SPACE,
    )
    model = CLIPModel(config)
    _first_weights(model)
    return model


def _first_weights(model: Any) -> None:
    """Wider than the library's: its 0.02 leaves a short training at the start line."""
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_normal_(module.weight, 0.5 if name.endswith(("out_proj", "fc2")) else 1)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.1 if "position" in name else 0.4)
    nn.init.normal_(model.vision_model.embeddings.class_embedding, std=0.4)


def whiten_patches(model: Any, pixels: torch.Tensor) -> None:
    """Set the patch filters to the whitened main components of the pictures' own patches."""
    patches = nn.functional.unfold(pixels, PATCH, stride=PATCH).transpose(1, 2)
    flat = patches.reshape(-1, patches.shape[-1])
    values, vectors = torch.linalg.eigh(torch.cov(flat.T))
    filters = model.vision_model.embeddings.patch_embedding.weight
    count = filters.shape[0]
    top, basis = values[-count:], vectors[:, -count:]
    scaled = (basis / (top + 0.02 * top.mean()).sqrt()).T * 0.5
    with torch.no_grad():
        filters.copy_(scaled.reshape(filters.shape))


def normalise(pictures: npt.NDArray[np.uint8]) -> torch.Tensor:
    """Turn N x 96 x 96 x 3 bytes into what the vision side reads."""
    pixels = torch.from_numpy(pictures).permute(0, 3, 1, 2).float().div_(255)
    mean, deviation = torch.tensor(MEAN), torch.tensor(DEVIATION)
    return (pixels - mean[:, None, None]) / deviation[:, None, None]


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write a folder that `CLIPModel` and `CLIPProcessor` load, in fp16, readable by everybody."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: weight.detach().half() for name, weight in model.state_dict().items()}
    half: Any = CLIPModel(model.config)
    half.half()
    half.load_state_dict(state)
    half.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    processor = CLIPImageProcessorPil(
        size={"shortest_edge": SIDE},
        crop_size={"height": SIDE, "width": SIDE},
        image_mean=list(MEAN),
        image_std=list(DEVIATION),
    )
    processor.save_pretrained(folder)
    for path in folder.iterdir():
        os.chmod(path, 0o644)


class Encoder:
    """A model folder, ready to turn pictures and texts into unit vectors of 512 numbers."""

    def __init__(self, folder: Path, random_weights: bool = False) -> None:
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        self._processor = CLIPImageProcessorPil.from_pretrained(folder)
        self._model: Any = CLIPModel.from_pretrained(folder, dtype=torch.float32)
        if random_weights:
            torch.manual_seed(0)
            self._model = CLIPModel(self._model.config)
        self._model.eval()

    @torch.inference_mode()
    def pictures(self, pictures: Sequence[Image.Image]) -> Floats:
        """One row per picture, in order."""
        inputs = self._processor(images=list(pictures), return_tensors="pt")
        return _unit(self._model.get_image_features(**inputs).pooler_output)

    @torch.inference_mode()
    def texts(self, texts: Sequence[str]) -> Floats:
        """One row per text, in order; what lies beyond 77 tokens is cut."""
        inputs = self._tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt")
        return _unit(self._model.get_text_features(**inputs).pooler_output)


def _unit(rows: torch.Tensor) -> Floats:
    return cast(Floats, nn.functional.normalize(rows, dim=-1).numpy())
