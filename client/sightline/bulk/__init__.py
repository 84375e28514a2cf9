"""Loading many records: only what is missing or changed is sent, and a run can be cut off anywhere."""

from sightline.bulk.load import Load
from sightline.bulk.report import Failure, Options, Report, Tally

__all__ = ["Failure", "Load", "Options", "Report", "Tally"]
