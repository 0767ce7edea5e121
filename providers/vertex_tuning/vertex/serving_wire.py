"""Endpoints, machines and containers between Google's types and ours."""

from __future__ import annotations

from google.cloud.aiplatform_v1beta1 import types as wire
from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError

from .client import ContainerSpec, Deployed, Endpoint, MachineRequest, RequestLogging
from .errors import InvalidRequest

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
    if machine.required_replicas is not None:
        resources.required_replica_count = machine.required_replicas
    if machine.flex_start_seconds is not None:
        resources.flex_start = wire.FlexStart(max_runtime_duration=_seconds(machine.flex_start_seconds))
    if machine.initial_replicas is not None:
        resources.initial_replica_count = machine.initial_replicas
    if machine.scale_to_zero:
        resources.scale_to_zero_spec = wire.DedicatedResources.ScaleToZeroSpec(
            min_scaleup_period=_seconds(machine.min_scaleup_period),
            idle_scaledown_period=_seconds(machine.idle_scaledown_period),
        )
    return resources


def _seconds(seconds: int | None) -> Duration | None:
    return Duration(seconds=seconds) if seconds is not None else None


def container_to_wire(container: ContainerSpec) -> wire.ModelContainerSpec:
    """The container as Google writes it.

    Raises:
        InvalidRequest: Google's type has no such field, or another type for it.
    """
    try:
        parsed = ParseDict(dict(container.json), wire.ModelContainerSpec.pb(wire.ModelContainerSpec()))
    except ParseError as error:
        raise InvalidRequest(f"serving.container cannot be sent: {error}") from error
    found: wire.ModelContainerSpec = wire.ModelContainerSpec.wrap(parsed)
    return found


def container_view(spec: wire.ModelContainerSpec) -> ContainerSpec:
    """The container as we keep it: whole."""
    return ContainerSpec(MessageToDict(wire.ModelContainerSpec.pb(spec)))


def recommended(
    answer: wire.RecommendSpecResponse, region: str, machine: MachineRequest
) -> ContainerSpec | None:
    """Of the recommended containers the one for this machine, or else for the most similar one."""
    specs = [each.spec for each in answer.recommendations if each.region in (region, "")] or list(
        answer.specs
    )
    named = [spec for spec in specs if spec.container_spec.image_uri]
    best = max(named, key=lambda spec: _likeness(spec.machine_spec, machine), default=None)
    return container_view(best.container_spec) if best is not None else None


def _likeness(offered: wire.MachineSpec, machine: MachineRequest) -> tuple[bool, bool, bool]:
    accelerator = wire.AcceleratorType(offered.accelerator_type).name == machine.accelerator_type
    return (
        offered.machine_type == machine.machine_type,
        accelerator and offered.accelerator_count == machine.accelerator_count,
        accelerator,
    )


def fits_view(machine: wire.MachineSpec, region: str, *, has_quota: bool) -> str:
    """A machine, its region and its quota in a few words."""
    accelerator = wire.AcceleratorType(machine.accelerator_type).name
    quota = "quota granted" if has_quota else "no quota"
    return f"{machine.machine_type} with {machine.accelerator_count} x {accelerator} in {region} ({quota})"


def logging_to_wire(logging: RequestLogging) -> wire.PredictRequestResponseLoggingConfig:
    """Where requests and answers are written, as Google writes it."""
    return wire.PredictRequestResponseLoggingConfig(
        enabled=True,
        sampling_rate=logging.sampling_rate,
        bigquery_destination=wire.BigQueryDestination(output_uri=logging.table),
    )


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
        logging=_logging(found.predict_request_response_logging_config),
    )


def _logging(config: wire.PredictRequestResponseLoggingConfig) -> RequestLogging:
    if not config.enabled:
        return RequestLogging()
    return RequestLogging(config.bigquery_destination.output_uri, config.sampling_rate)


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
        flex_start="flex_start" in resources,
    )
