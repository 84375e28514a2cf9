"""What can go wrong in the encoder; here and not in `db/errors/`, as no other room raises them.

EncodingFailed (db/errors/)
└── EncoderError
    ├── BadVector         the model gave NaN, infinity or nothing but zeros
    ├── OutOfMemory       a single input does not fit on the device
    └── ModelUnusable     the folder or hub name holds no model that can be served
"""

from db.errors import EncodingFailed


class EncoderError(EncodingFailed):
    """Raised for any failure of the model itself."""


class BadVector(EncoderError):
    """Raised when a vector is not finite or has no length; it must never be stored."""

    code = "bad_vector"
    can_pass = False


class OutOfMemory(EncoderError):
    """Raised when one input alone does not fit into the device's memory."""

    code = "out_of_memory"


class ModelUnusable(EncoderError):
    """Raised at loading when a model cannot be served as it is."""

    code = "model_unusable"
    can_pass = False
