"""The encoder: the only room that knows torch and transformers.

`Preprocessing.array` turns bytes into pixels, `ClipEncoder` pixels and words into vectors,
`TextEncoder` words alone, and `encode_each` keeps one bad input from failing its batch.
"""

from worker.encoder.bisect import encode_each, is_fatal
from worker.encoder.clip import ClipEncoder
from worker.encoder.errors import BadVector, EncoderError, ModelUnusable, OutOfMemory
from worker.encoder.preprocess import PREPROCESSING_VERSION, Preprocessing
from worker.encoder.text import TextEncoder

__all__ = [
    "PREPROCESSING_VERSION",
    "BadVector",
    "ClipEncoder",
    "EncoderError",
    "ModelUnusable",
    "OutOfMemory",
    "Preprocessing",
    "TextEncoder",
    "encode_each",
    "is_fatal",
]
