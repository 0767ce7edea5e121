"""Machines that deployed models hold: what a request asks for, and whether it is to be had."""

from typing import Any

from vertex_emulator.catalog import L4, L4_OF_MACHINE
from vertex_emulator.quota import L4_QUOTA, l4_quota
from vertex_emulator.service import Service
from vertex_emulator.store.projects import Project
from vertex_emulator.store.resources import Kind
from vertex_emulator.wire.errors import ApiError, invalid

Json = dict[str, Any]


def check_resources(resources: Json) -> None:
    """Refuse dedicated resources that no region has. Raises INVALID_ARGUMENT."""
    spec = resources.get("machineSpec", {})
    machine, accelerator = spec.get("machineType"), spec.get("acceleratorType")
    count = spec.get("acceleratorCount", 0)
    if not machine:
        raise invalid("Required field is not set: dedicated_resources.machine_spec.machine_type")
    if accelerator == L4 or machine.startswith("g2-"):
        built_in = L4_OF_MACHINE.get(machine)
        if built_in is None:
            raise invalid(f"Machine type '{machine}' is not supported with {L4}.")
        if accelerator != L4 or count != built_in:
            raise invalid(f"Machine type '{machine}' needs {built_in} x {L4}, got {count} x {accelerator}.")
    least, most = resources.get("minReplicaCount", 0), resources.get("maxReplicaCount", 0)
    if least < 1 and "scaleToZeroSpec" not in resources:
        raise invalid("dedicated_resources.min_replica_count must be at least 1.")
    if most and most < least:
        raise invalid("dedicated_resources.max_replica_count must not be below min_replica_count.")


def default_resources() -> Json:
    """What Model Garden picks when a request names no machine: one that a small open model fits on."""
    return {
        "machineSpec": {"machineType": "g2-standard-12", "acceleratorType": L4, "acceleratorCount": 1},
        "minReplicaCount": 1,
        "maxReplicaCount": 1,
    }


def l4_needed(deployed: Json) -> int:
    """The L4s that a deployed model holds with its smallest number of replicas."""
    resources = deployed.get("dedicatedResources", {})
    spec = resources.get("machineSpec", {})
    if spec.get("acceleratorType") != L4:
        return 0
    per_machine: int = spec.get("acceleratorCount", 0)
    replicas: int = resources.get("minReplicaCount", 1)
    return per_machine * max(replicas, 1)


def l4_held(service: Service, parent: str) -> int:
    """The L4s that the deployed models of a location hold together."""
    endpoints = service.store.resources.children(Kind.ENDPOINT, parent)
    return sum(l4_needed(item) for record in endpoints for item in record.body.get("deployedModels", []))


def require_capacity(service: Service, project: Project, parent: str, deployed: Json) -> None:
    """Raise RESOURCE_EXHAUSTED when the location has no L4s left for a deployed model."""
    region = parent.rpartition("/")[2]
    needed, held, limit = l4_needed(deployed), l4_held(service, parent), l4_quota(service, project, region)
    if needed and held + needed > limit:
        raise ApiError(
            8,
            f"The following quotas are exceeded: {L4_QUOTA} "
            f"(region {region}: {limit} in all, {held} in use, {needed} requested).",
        )
