"""Tuned weights with their lineage."""

from .kind import TunedModel, TunedModelProvider

__all__ = ["TunedModel", "TunedModelProvider"]
