"""Machines of deployed models: requests, and whether they are available."""

from typing import Any

from vertex_emulator.machine_types import BUILT_IN, BY_TYPE, FAMILIES
from vertex_emulator.quota import ServingQuota, serving_quota
from vertex_emulator.service import Service
from vertex_emulator.store.projects import Project
from vertex_emulator.store.resources import Kind
from vertex_emulator.wire.errors import ApiError, invalid

Json = dict[str, Any]
_FIELD = "dedicated_resources"
_PERIOD = (300, 28_800)
"""Seconds, the least and the most, of scale-to-zero's periods."""
_FLEX_START = 7 * 24 * 3600


def check_resources(resources: Json) -> None:
    """Refuse dedicated resources that no region has. Raises INVALID_ARGUMENT."""
    _check_machine(resources.get("machineSpec", {}))
    least, most = resources.get("minReplicaCount", 0), resources.get("maxReplicaCount", 0)
    if least < 1 and "scaleToZeroSpec" not in resources:
        raise invalid(f"{_FIELD}.min_replica_count must be at least 1.")
    if most and most < least:
        raise invalid(f"{_FIELD}.max_replica_count must not be below min_replica_count.")
    _check_initial(resources.get("initialReplicaCount", 0), least, most)
    for field, name in (
        ("minScaleupPeriod", "min_scaleup_period"),
        ("idleScaledownPeriod", "idle_scaledown_period"),
    ):
        given = resources.get("scaleToZeroSpec", {}).get(field)
        if given is not None and not _PERIOD[0] <= _seconds(given) <= _PERIOD[1]:
            raise invalid(
                f"{_FIELD}.scale_to_zero_spec.{name} must be between {_PERIOD[0]} and {_PERIOD[1]} seconds."
            )
    longest = resources.get("flexStart", {}).get("maxRuntimeDuration")
    if longest is not None and not 0 < _seconds(longest) <= _FLEX_START:
        raise invalid(f"{_FIELD}.flex_start.max_runtime_duration can be set up to 7 days.")


def _check_machine(spec: Json) -> None:
    machine, accelerator = spec.get("machineType"), spec.get("acceleratorType")
    count = spec.get("acceleratorCount", 0)
    if not machine:
        raise invalid(f"Required field is not set: {_FIELD}.machine_spec.machine_type")
    built_in = BUILT_IN.get(machine)
    if built_in is None and (machine.startswith(FAMILIES) or accelerator in BY_TYPE):
        raise invalid(f"Machine type '{machine}' is not supported with {accelerator or 'no accelerator'}.")
    if built_in is not None and built_in != (accelerator, count):
        needed, number = built_in
        raise invalid(f"Machine type '{machine}' needs {number} x {needed}, got {count} x {accelerator}.")


def _check_initial(initial: int, least: int, most: int) -> None:
    if least and initial:
        raise invalid(f"{_FIELD}.initial_replica_count should not be set when min_replica_count is not 0.")
    if not least and not 0 < initial <= most:
        raise invalid(
            f"{_FIELD}.initial_replica_count should be larger than zero, but no greater than "
            f"max_replica_count ({most}), when min_replica_count is 0."
        )


def _seconds(duration: str) -> float:
    return float(duration.removesuffix("s"))


def default_resources() -> Json:
    """What Model Garden picks when a request names no machine: one that a small open model fits on."""
    return {"machineSpec": machine_spec("g2-standard-12"), "minReplicaCount": 1, "maxReplicaCount": 1}


def machine_spec(machine: str) -> Json:
    """A machine with the accelerators that it has built in."""
    accelerator, count = BUILT_IN[machine]
    return {"machineType": machine, "acceleratorType": accelerator, "acceleratorCount": count}


def charged(deployed: Json) -> tuple[ServingQuota, int] | None:
    """The quota that a deployed model is charged to, and by how much: as if all its replicas ran."""
    resources = deployed.get("dedicatedResources", {})
    spec = resources.get("machineSpec", {})
    accelerator = BY_TYPE.get(spec.get("acceleratorType", ""))
    if accelerator is None or not accelerator.quota:
        return None
    replicas = resources.get("maxReplicaCount") or max(resources.get("minReplicaCount", 1), 1)
    quota = ServingQuota(accelerator.type, bool(resources.get("spot") or "flexStart" in resources))
    return quota, spec.get("acceleratorCount", 0) * replicas


def held(service: Service, parent: str, quota: ServingQuota) -> int:
    """What the deployed models of a location are charged with together."""
    endpoints = service.store.resources.children(Kind.ENDPOINT, parent)
    found = (charged(item) for record in endpoints for item in record.body.get("deployedModels", []))
    return sum(each[1] for each in found if each is not None and each[0] == quota)


def require_capacity(service: Service, project: Project, parent: str, deployed: Json) -> None:
    """Raise RESOURCE_EXHAUSTED when the location's quota is too small for a deployed model."""
    charge = charged(deployed)
    if charge is None:
        return
    quota, needed = charge
    region = parent.rpartition("/")[2]
    if held(service, parent, quota) + needed > serving_quota(service, project, quota, region):
        raise ApiError(8, f"The following quotas are exceeded: {quota.id}")
