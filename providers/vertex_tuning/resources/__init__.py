"""One file a kind: inputs, outputs, change table, external calls."""

from .deployed_model import DeployedModel
from .endpoint import Endpoint
from .readiness import Readiness
from .tuned_model import TunedModel
from .tuning_dataset import TuningDataset
from .tuning_job import TuningJob

__all__ = ["DeployedModel", "Endpoint", "Readiness", "TunedModel", "TuningDataset", "TuningJob"]
