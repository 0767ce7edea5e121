"""A model on machines: deployment, evaluation, traffic, and stale deployments."""

from .kind import DeployedModel, DeployedModelProvider

__all__ = ["DeployedModel", "DeployedModelProvider"]
