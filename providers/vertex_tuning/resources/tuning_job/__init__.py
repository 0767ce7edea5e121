"""A tuning job: submitted, found again, adopted, cancelled."""

from .kind import TuningJob, TuningJobProvider

__all__ = ["TuningJob", "TuningJobProvider"]
