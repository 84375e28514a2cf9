"""Writes a CLIP folder with random weights, for speed and unit tests where no hub is reached."""

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import CLIPConfig, CLIPModel, CLIPProcessor, CLIPTokenizer
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

START, END = "<|startoftext|>", "<|endoftext|>"
WORDS = """
a an the of in on with and under over photo picture drawing red blue green yellow black white
brown orange purple pink grey leather jacket shoe boot shirt dress mug cup umbrella guitar lamp
chair table bottle watch bag hat glove scarf phone camera bicycle car train dog cat bird horse
tree flower mountain river street house bridge chart diagram circuit slide page price election
plain striped dotted checked wooden metal glass small large round square old new bright dark
""".split()

SHAPES: dict[str, tuple[dict[str, int], dict[str, int], int]] = {
    "b32": ({}, {}, 512),
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
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    learner.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(
        vocab_size=1000, end_of_word_suffix="</w>", initial_alphabet=alphabet, show_progress=False
    )
    learner.train_from_iterator(WORDS, trainer)
    merges = [tuple(pair) for pair in json.loads(learner.to_str())["model"]["merges"]]
    # Every byte at the end of a word too: an unknown one would read as the end of the text.
    tokens = alphabet + [letter + "</w>" for letter in alphabet]
    tokens += ["".join(pair) for pair in merges]
    vocabulary = {token: i for i, token in enumerate(dict.fromkeys([*tokens, START, END]))}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=77)  # type: ignore[arg-type]


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
    print(f"wrote a {given.shape} model with random weights")


if __name__ == "__main__":
    main()
