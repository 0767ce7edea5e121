"""What a model runs on, and in what number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from .. import catalog
from .fields import Count, CountOrZero, Reservation, Spec, whole
from .proving import Duration, seconds

Period = Annotated[int, BeforeValidator(whole), Field(ge=300, le=28_800)]
"""Seconds, in the bounds of Vertex AI's type."""
LONGEST_FLEX_START = "7d"


class ScaleToZero(Spec):
    """When a deployment may scale to zero.

    Attributes:
        min_scaleup_period: seconds for which replicas stay at least once they have started, 300 to 28,800.
        idle_scaledown_period: seconds without a request before the last replica stops, 300 to 28,800.
        initial_replicas: replicas that start with the deployment and again when requests come; 1 by default,
            at most ``max_replicas``.
    """

    min_scaleup_period: Period | None = None
    idle_scaledown_period: Period | None = None
    initial_replicas: Count | None = None


class FlexStart(Spec):
    """Machines of the Dynamic Workload Scheduler: cheaper, for a limited time.

    Attributes:
        max_runtime: when Vertex AI undeploys the model, such as 12h; at most 7d.
    """

    max_runtime: Duration = LONGEST_FLEX_START

    @field_validator("max_runtime")
    @classmethod
    def _at_most_seven_days(cls, value: str) -> str:
        if not 0 < seconds(value) <= seconds(LONGEST_FLEX_START):
            raise ValueError(f"is from 1s to {LONGEST_FLEX_START}, not {value}")
        return value


_TOGETHER = ("machine_type", "accelerator_type", "accelerator_count")


class Machine(Spec):
    """The machines of a deployed model. Set machine type, accelerator type and count together, or none of
    them.

    Attributes:
        machine_type: Compute Engine's name of the machine; set it together with the next two keys.
        accelerator_type: Vertex AI's name of the accelerator; required with ``machine_type``.
        accelerator_count: accelerators in one machine; required with ``machine_type``.
        spot: cheaper machines that Google may take back at any time.
        reservation: a reservation of machines to use: ``projects/P/zones/Z/reservations/R``.
        flex_start: cheaper machines for at most 7 days; then Vertex AI undeploys the model until the next
            ``pulumi up --refresh``.
    """

    machine_type: str = "g2-standard-12"
    accelerator_type: str = "NVIDIA_L4"
    accelerator_count: Count = 1
    spot: bool = False
    reservation: Reservation | None = None
    flex_start: FlexStart | None = None

    @model_validator(mode="before")
    @classmethod
    def _no_default_beside_what_is_written(cls, written: Any) -> Any:
        """Never raises; the field validators report missing values."""
        some = isinstance(written, Mapping) and any(key in written for key in _TOGETHER)
        return {**dict.fromkeys(_TOGETHER), **written} if some else written

    @field_validator(*_TOGETHER, mode="before")
    @classmethod
    def _all_or_none(cls, value: object) -> object:
        if value is None:
            raise ValueError(
                f"is missing; {', '.join(_TOGETHER[:2])} and {_TOGETHER[2]} are set together or not at all"
            )
        return value

    @field_validator("machine_type")
    @classmethod
    def _exists(cls, value: str) -> str:
        catalog.find_machine(value)
        return value

    @field_validator("accelerator_type", "accelerator_count")
    @classmethod
    def _is_what_the_machine_carries(cls, value: str | int, info: ValidationInfo) -> str | int:
        machine = info.data.get("machine_type")
        if machine is not None:
            accelerator, count = catalog.find_machine(machine)
            if value not in (accelerator, count):
                raise ValueError(f"{machine} carries {count} x {accelerator}, not {value}")
        return value

    @field_validator("flex_start")
    @classmethod
    def _one_kind_of_machines(cls, value: FlexStart | None, info: ValidationInfo) -> FlexStart | None:
        if value is not None and (info.data.get("spot") or info.data.get("reservation")):
            raise ValueError("flex_start, spot and reservation are three kinds of machines: choose one")
        return value


class Scaling(Spec):
    """The number of replicas and autoscaling.

    Attributes:
        min_replicas: machines that always run; 0 needs ``scale_to_zero``.
        max_replicas: the maximum number of machines.
        scale_to_zero: when the last machine stops and the first starts.
        autoscaling_target: target accelerator duty cycle of autoscaling, in per cent.
        required_replicas: replicas that must run for a deployment to succeed; the rest follow when machines
            are free. Default: all of ``min_replicas``.
    """

    min_replicas: CountOrZero = 1
    max_replicas: Count = 1
    autoscaling_target: Annotated[int, BeforeValidator(whole), Field(ge=1, le=100)] | None = None
    scale_to_zero: ScaleToZero | None = None
    required_replicas: Count | None = None

    @field_validator("max_replicas")
    @classmethod
    def _min_below_max(cls, value: int, info: ValidationInfo) -> int:
        if info.data.get("min_replicas", 0) > value:
            raise ValueError(f"min_replicas {info.data['min_replicas']} is above max_replicas {value}")
        return value

    @field_validator("scale_to_zero")
    @classmethod
    def _zero_is_asked_for(cls, value: ScaleToZero | None, info: ValidationInfo) -> ScaleToZero | None:
        if value is None and info.data.get("min_replicas") == 0:
            raise ValueError("min_replicas 0 needs scale_to_zero")
        if value is not None and info.data.get("min_replicas", 0) > 0:
            raise ValueError("scale_to_zero needs min_replicas: 0; otherwise the model never scales to zero")
        first = value.initial_replicas if value is not None else None
        if first is not None and first > info.data.get("max_replicas", first):
            raise ValueError(f"initial_replicas {first} is above max_replicas {info.data['max_replicas']}")
        return value

    @field_validator("required_replicas")
    @classmethod
    def _can_be_there(cls, value: int | None, info: ValidationInfo) -> int | None:
        zero = info.data.get("scale_to_zero")
        least = info.data.get("min_replicas") or (zero.initial_replicas if zero else None) or 1
        if value is not None and value > least:
            raise ValueError(
                f"required_replicas {value} is above the {least} replicas that start with the deployment"
            )
        return value
