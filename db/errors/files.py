"""Errors of what is sent to be stored: pictures, documents, bulk uploads, and fetched addresses."""

from db.errors.base import SightlineError, TooLarge, Unprocessable


class ImageTooLarge(TooLarge):
    """Raised when a picture is over the limit in bytes, pixels or side."""

    code = "image_too_large"


class UnsupportedImage(Unprocessable):
    """Raised when bytes are no picture of a kind that is taken."""

    code = "unsupported_image"


class BrokenImage(Unprocessable):
    """Raised when a picture cannot be decoded."""

    code = "broken_image"


class DocumentTooLarge(TooLarge):
    """Raised when a document is over the limit in bytes, pages, or unpacked size."""

    code = "document_too_large"


class UnsupportedDocument(Unprocessable):
    """Raised when a document's bytes are neither a PDF nor a deck."""

    code = "unsupported_document"


class DocumentEncrypted(Unprocessable):
    """Raised when a document opens with a password only."""

    code = "document_encrypted"


class BrokenDocument(Unprocessable):
    """Raised when a document cannot be opened at all."""

    code = "broken_document"


class BrokenPage(Unprocessable):
    """Raised when one page of a document cannot be read; the others are."""

    code = "broken_page"


class BrokenUpload(Unprocessable):
    """Raised when an uploaded manifest or ZIP cannot be read at all."""

    code = "broken_upload"


class EmptyUpload(Unprocessable):
    """Raised when an upload names no item at all."""

    code = "empty_upload"


class InvalidManifestLine(Unprocessable):
    """Raised when one line of a manifest is no item."""

    code = "invalid_manifest_line"


class DuplicateId(Unprocessable):
    """Raised when an id stands twice in one import."""

    code = "duplicate_id"


class FileMissing(Unprocessable):
    """Raised when a manifest names a file that was not uploaded."""

    code = "file_missing"


class UnsafeName(Unprocessable):
    """Raised when a manifest names a file outside the upload."""

    code = "unsafe_name"


class FetchRefused(Unprocessable):
    """Raised when the guard does not let a URL be fetched."""

    code = "url_refused"


class FetchFailed(Unprocessable):
    """Raised when a URL could not be fetched; it may pass when tried again."""

    code = "fetch_failed"
    can_pass = True


class BlobMissing(SightlineError):
    """Raised when the bytes of a blob are gone from the store or do not match their hash."""

    code = "blob_missing"
    can_pass = True
