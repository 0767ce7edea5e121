"""Weights from a hub: a Hugging Face folder on disk, checked against a base model, brought into a bucket."""

from .checkpoint import Checkpoint, File, examine
from .push import Pushed, Step, push

__all__ = ["Checkpoint", "File", "Pushed", "Step", "examine", "push"]
