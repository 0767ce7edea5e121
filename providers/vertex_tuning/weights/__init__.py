"""Check a Hugging Face folder against a base model and upload it."""

from .checkpoint import Checkpoint, File, examine
from .push import Pushed, Step, push

__all__ = ["Checkpoint", "File", "Pushed", "Step", "examine", "push"]
