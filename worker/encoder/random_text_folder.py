"""Writes a text model's folder with random weights, for tests where no hub is reached."""

import argparse
import string
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from transformers import BertConfig, BertModel, BertTokenizer

from worker.encoder.random_folder import WORDS

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
LONGEST = 128
"""Tokens, two of them the start and the end; what is beyond is cut."""

WIDTH = 64


def tokenizer() -> BertTokenizer:
    """Return a WordPiece tokenizer: known words are one token, others are spelled in ASCII."""
    letters = string.ascii_lowercase + string.digits
    pieces = [*SPECIAL, *letters, *("##" + letter for letter in letters), *string.punctuation]
    vocabulary = {token: i for i, token in enumerate(dict.fromkeys([*pieces, *WORDS]))}
    return BertTokenizer(vocab=vocabulary, model_max_length=LONGEST)


def model(vocabulary: int, seed: int) -> BertModel:
    """Return a small BERT whose vectors depend on the words more than on their places.

    Two texts of four words have a cosine of 0.38, and of 0.70 if they share two (means of 300
    pairs); with word weights as BERT begins it is 0.68 and 0.85.
    """
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=vocabulary, hidden_size=WIDTH, intermediate_size=2 * WIDTH,
        num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=LONGEST,
    )  # fmt: skip
    bert = BertModel(config)
    with torch.no_grad():
        bert.embeddings.word_embeddings.weight.mul_(10)
        bert.embeddings.token_type_embeddings.weight.zero_()
    return bert


def write(folder: Path, seed: int = 0, prompts: dict[str, str] | None = None) -> None:
    """Write what sentence-transformers saves: model, tokenizer, mean pooling; the seed fixes them.

    `prompts` go before the texts, by the names of the library: `{"query": "query: "}`.
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    words = tokenizer()
    with TemporaryDirectory() as plain:
        model(len(words), seed).save_pretrained(plain)
        words.save_pretrained(plain)
        modules: list[Any] = [Transformer(plain), Pooling(WIDTH, "mean")]
        whole = SentenceTransformer(modules=modules, prompts=prompts, device="cpu")
        whole.save_pretrained(str(folder), create_model_card=False)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--query-prompt", help="what goes before a query, such as 'query: '")
    given = parser.parse_args()
    write(given.out, given.seed, given.query_prompt and {"query": given.query_prompt})
    sys.stdout.write("wrote a text model with random weights\n")


if __name__ == "__main__":
    main()
