"""One file of examples, where a tuning job reads it."""

from .kind import TuningDataset, TuningDatasetProvider

__all__ = ["TuningDataset", "TuningDatasetProvider"]
