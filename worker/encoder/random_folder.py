"""Writes a CLIP folder with random weights, for speed and unit tests where no hub is reached."""

import argparse
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from tokenizers import pre_tokenizers
from transformers import CLIPConfig, CLIPModel, CLIPProcessor, CLIPTokenizer
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

START, END = "<|startoftext|>", "<|endoftext|>"
WORD_END = "</w>"
WORDS = """
    a an the of in on with and under over photo picture drawing red blue green yellow black
    white brown orange purple pink grey leather jacket shoe boot shirt dress mug cup umbrella
    guitar lamp chair table bottle watch bag hat glove scarf phone camera bicycle car train dog
    cat bird horse tree flower mountain river street house bridge chart diagram circuit slide
    page price election plain striped dotted checked wooden metal glass small large round square
    old new bright dark
""".split()

SHAPES: dict[str, tuple[dict[str, int], dict[str, int], int]] = {
    "b32": ({}, {}, 512),
    "l14": (
        {
            "hidden_size": 1024,
            "intermediate_size": 4096,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "patch_size": 14,
        },
        {"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12},
        768,
    ),
    "tiny": (
        {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2},
        {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "vocab_size": 2048},
        64,
    ),
}
"""Vision and text settings that differ from the standard B/32, and the projection width."""


def tokenizer() -> CLIPTokenizer:
    """Return a small byte-pair tokenizer: any text can be written, the known words are short."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = learned_merges(WORDS)
    # Every byte at the end of a word too: an unknown one would read as the end of the text.
    tokens = alphabet + [letter + WORD_END for letter in alphabet]
    tokens += ["".join(pair) for pair in merges]
    vocabulary = {token: i for i, token in enumerate(dict.fromkeys([*tokens, START, END]))}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=77)  # type: ignore[arg-type]


def learned_merges(words: list[str]) -> list[tuple[str, str]]:
    """Join the commonest pair until every word is one token.

    By hand, because the trainer of `tokenizers` breaks ties in another order on every run.
    """
    spelled = [[*word[:-1], word[-1] + WORD_END] for word in words]
    merges: list[tuple[str, str]] = []
    while pairs := Counter(pair for word in spelled for pair in pairwise(word)):
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        spelled = [_joined(word, best) for word in spelled]
    return merges


def _joined(word: list[str], pair: tuple[str, str]) -> list[str]:
    joined: list[str] = []
    for part in word:
        if joined and (joined[-1], part) == pair:
            joined[-1] += part
        else:
            joined.append(part)
    return joined


def write(folder: Path, shape: str = "tiny", seed: int = 0) -> None:
    """Write model, tokenizer and processor as `save_pretrained` does; the seed fixes them."""
    vision, text, width = SHAPES[shape]
    words = tokenizer()
    heads = {"num_attention_heads": 4} if shape == "tiny" else {}
    ids = {"bos_token_id": words.bos_token_id, "eos_token_id": words.eos_token_id}
    config = CLIPConfig(
        text_config={**text, **heads, **ids, "pad_token_id": words.pad_token_id},
        vision_config={**vision, **heads},
        projection_dim=width,
    )
    torch.manual_seed(seed)
    CLIPModel(config).save_pretrained(folder)
    processor: Any = CLIPProcessor
    processor(CLIPImageProcessorPil(), words).save_pretrained(folder)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--shape", choices=sorted(SHAPES), default="tiny")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    write(given.out, given.shape, given.seed)
    sys.stdout.write(f"wrote a {given.shape} model with random weights\n")


if __name__ == "__main__":
    main()
