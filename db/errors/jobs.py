"""Errors of jobs and tasks: steered too late, overtaken by a change, broken, lost with a worker."""

from db.errors.base import Conflict, SightlineError, Unprocessable


class JobAlreadyEnded(Conflict):
    """Raised when an ended job is to be canceled."""

    code = "job_already_ended"


class JobNotRetryable(Conflict):
    """Raised when an expired or canceled job is to be retried."""

    code = "job_not_retryable"


class ItemChanged(Unprocessable):
    """Raised when an item was deleted or replaced before its picture was embedded."""

    code = "item_changed"


class DocumentReplaced(Unprocessable):
    """Raised when a document was deleted or sent anew while it was being read."""

    code = "document_replaced"


class ModelNotServed(Unprocessable):
    """Raised when no worker serves the model that a catalog names."""

    code = "model_not_served"


class EncodingFailed(SightlineError):
    """Raised when the model cannot encode an input that decoded well."""

    code = "encoding_failed"
    can_pass = True


class TaskBroke(SightlineError):
    """Raised for a task that met an error nobody foresaw; the log has it."""

    can_pass = True


class WorkerLost(SightlineError):
    """Raised for a task whose workers died while it ran alone."""

    code = "worker_lost"


class LeaseLost(SightlineError):
    """Raised when a worker's lease went to somebody else; it must write nothing."""

    code, status = "lease_lost", 409
