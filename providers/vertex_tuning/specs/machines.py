"""What a model runs on, in what number, and in which container."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from .. import catalog
from .fields import Count, CountOrZero, Reservation, Spec, Texts, whole


class ScaleToZero(Spec):
    """When replicas may go to none.

    Attributes:
        min_scaleup_period: seconds of traffic before the first replica starts.
        idle_scaledown_period: seconds of idleness before the last replica stops.
    """

    min_scaleup_period: Count | None = None
    idle_scaledown_period: Count | None = None


class Container(Spec):
    """The serving container, for weights that need another than Vertex AI recommends.

    Attributes:
        image_uri: the image, such as ``us-docker.pkg.dev/PROJECT/REPOSITORY/IMAGE:TAG``.
        predict_route: HTTP path of predictions; Vertex AI's default when left out.
        health_route: HTTP path of health checks; Vertex AI's default when left out.
        port: TCP port on which the container listens.
        args: arguments of the container's command.
        env: environment variables of the container; no place for secrets.
    """

    image_uri: Annotated[str, Field(min_length=3, max_length=512)]
    predict_route: str | None = None
    health_route: str | None = None
    port: Annotated[int, BeforeValidator(whole), Field(ge=1, le=65535)] | None = None
    args: Texts = ()
    env: dict[str, str] = {}


_TOGETHER = ("machine_type", "accelerator_type", "accelerator_count")


class Machine(Spec):
    """What a deployed model runs on. Type, accelerator and count are given all or none.

    Attributes:
        machine_type: Compute Engine's name of the machine.
        accelerator_type: Vertex AI's name of the machine's accelerator.
        accelerator_count: accelerators in one machine.
        spot: machines that are cheaper and may be taken away at any time.
        reservation: a reservation of machines to use: ``projects/P/zones/Z/reservations/R``.
    """

    machine_type: str = "g2-standard-12"
    accelerator_type: str = "NVIDIA_L4"
    accelerator_count: Count = 1
    spot: bool = False
    reservation: Reservation | None = None

    @model_validator(mode="before")
    @classmethod
    def _no_default_beside_what_is_written(cls, written: Any) -> Any:
        """Refuses nothing, so that nothing goes unheard: the fields tell what is missing."""
        some = isinstance(written, Mapping) and any(key in written for key in _TOGETHER)
        return {**dict.fromkeys(_TOGETHER), **written} if some else written

    @field_validator(*_TOGETHER, mode="before")
    @classmethod
    def _all_or_none(cls, value: object) -> object:
        if value is None:
            raise ValueError(
                f"is missing; {', '.join(_TOGETHER[:2])} and {_TOGETHER[2]} are given all or none"
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


class Scaling(Spec):
    """How many replicas, and what makes more of them.

    Attributes:
        min_replicas: machines that are always there; 0 needs ``scale_to_zero``.
        max_replicas: the most machines under load.
        scale_to_zero: when the last machine goes and the first comes.
        autoscaling_target: accelerator duty cycle in per cent that autoscaling aims at.
    """

    min_replicas: CountOrZero = 1
    max_replicas: Count = 1
    autoscaling_target: Annotated[int, BeforeValidator(whole), Field(ge=1, le=100)] | None = None
    scale_to_zero: ScaleToZero | None = None

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
        return value
