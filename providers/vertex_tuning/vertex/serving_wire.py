"""Endpoints, machines and containers between Google's types and ours."""

from __future__ import annotations

from google.cloud.aiplatform_v1beta1 import types as wire
from google.protobuf.duration_pb2 import Duration

from .client import ContainerRequest, Deployed, Endpoint, MachineRequest

DUTY_CYCLE = "aiplatform.googleapis.com/prediction/online/accelerator/duty_cycle"


def machine_to_wire(machine: MachineRequest) -> wire.DedicatedResources:
    """The machines as Google writes them."""
    spec = wire.MachineSpec(
        machine_type=machine.machine_type,
        accelerator_type=getattr(wire.AcceleratorType, machine.accelerator_type),
        accelerator_count=machine.accelerator_count,
    )
    if machine.reservation is not None:
        spec.reservation_affinity = wire.ReservationAffinity(
            reservation_affinity_type=wire.ReservationAffinity.Type.SPECIFIC_RESERVATION,
            key="compute.googleapis.com/reservation-name",
            values=[machine.reservation],
        )
    resources = wire.DedicatedResources(
        machine_spec=spec,
        min_replica_count=machine.min_replicas,
        max_replica_count=machine.max_replicas,
        spot=machine.spot,
    )
    if machine.autoscaling_target is not None:
        resources.autoscaling_metric_specs = [
            wire.AutoscalingMetricSpec(metric_name=DUTY_CYCLE, target=machine.autoscaling_target)
        ]
    if machine.scale_to_zero:
        resources.scale_to_zero_spec = wire.DedicatedResources.ScaleToZeroSpec(
            min_scaleup_period=_seconds(machine.min_scaleup_period),
            idle_scaledown_period=_seconds(machine.idle_scaledown_period),
        )
    return resources


def _seconds(seconds: int | None) -> Duration | None:
    return Duration(seconds=seconds) if seconds is not None else None


def container_to_wire(container: ContainerRequest) -> wire.ModelContainerSpec:
    """The container as Google writes it."""
    return wire.ModelContainerSpec(
        image_uri=container.image_uri,
        predict_route=container.predict_route or "",
        health_route=container.health_route or "",
        ports=[wire.Port(container_port=container.port)] if container.port else [],
        args=list(container.args),
        env=[wire.EnvVar(name=name, value=value) for name, value in sorted(container.env.items())],
    )


def container_view(spec: wire.ModelContainerSpec) -> ContainerRequest:
    """A container as we read it."""
    return ContainerRequest(
        image_uri=spec.image_uri,
        predict_route=spec.predict_route or None,
        health_route=spec.health_route or None,
        port=spec.ports[0].container_port if spec.ports else None,
        args=tuple(spec.args),
        env={variable.name: variable.value for variable in spec.env},
    )


def fits_view(machine: wire.MachineSpec, region: str, *, has_quota: bool) -> str:
    """A machine, its region and its quota in a few words."""
    accelerator = wire.AcceleratorType(machine.accelerator_type).name
    quota = "quota granted" if has_quota else "no quota"
    return f"{machine.machine_type} with {machine.accelerator_count} x {accelerator} in {region} ({quota})"


def endpoint_view(found: wire.Endpoint) -> Endpoint:
    """An endpoint as we read it."""
    return Endpoint(
        name=found.name,
        display_name=found.display_name,
        labels=dict(found.labels),
        deployed=tuple(_deployed(model) for model in found.deployed_models),
        traffic=dict(found.traffic_split),
        dedicated=found.dedicated_endpoint_enabled,
        dns=found.dedicated_endpoint_dns,
        private=found.private_service_connect_config.enable_private_service_connect or bool(found.network),
    )


def _deployed(model: wire.DeployedModel) -> Deployed:
    resources = model.dedicated_resources
    targets = [spec.target for spec in resources.autoscaling_metric_specs if spec.metric_name == DUTY_CYCLE]
    return Deployed(
        id=model.id,
        model=model.model,
        machine_type=resources.machine_spec.machine_type,
        accelerator_type=wire.AcceleratorType(resources.machine_spec.accelerator_type).name,
        accelerator_count=resources.machine_spec.accelerator_count,
        min_replicas=resources.min_replica_count,
        max_replicas=resources.max_replica_count,
        autoscaling_target=targets[0] if targets else None,
        spot=resources.spot,
    )
