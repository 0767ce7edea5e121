"""What a service needs to be there."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ... import names
from ...lifecycle import ResourceInputs, Sparse
from ...planning import Service
from ...specs import CountOrZero, ProjectId, RolloutChoice, ServiceSpec, Spec


class Beside(Spec):
    """Another service of the program, and where its output bucket is to be."""

    service: str
    project: ProjectId
    region: str
    output_uri: str


class ReadinessInputs(ResourceInputs):
    """What is needed.

    Attributes:
        tunes: whether a tuning job will be submitted.
        endpoint_id: where it will be served, and then ``work`` is the id of the model; or none.
        accelerators: how many of ``accelerator_type`` all replicas take: Google charges the quota so.
        preemptible: they are of spot or flex-start machines, which have quotas of their own.
        rollout: whether the old model's accelerators are free by then.
        in_preview: look in preview already, because the same `up` creates none of it.
        work: changes with what will be done, so that a new tuning is checked for anew.
        fingerprint: of the tuning, if there is one.
        beside: one of the program's other services for each of their output buckets: the engine ends a
            preview at the first refusal, so this one's tells theirs, too.
    """

    tunes: bool
    work: str
    fingerprint: str | None = None
    endpoint_id: str | None = None
    accelerator_type: str | None = None
    accelerators: Sparse[CountOrZero] = 0
    preemptible: Sparse[bool] = False
    rollout: RolloutChoice | None = None
    in_preview: bool = True
    beside: Sparse[Annotated[tuple[Beside, ...], Field(strict=False)]] = ()

    @classmethod
    def planned(cls, service: Service) -> ReadinessInputs:
        """What a service needs: the quota of a tuning, the accelerators of a deployment."""
        spec, fingerprint = service.spec, service.weights.fingerprint
        serving = spec.serving if spec.serve else None
        return cls(
            project=spec.project,
            region=spec.serving_region,
            output_uri=spec.output_uri,
            service=spec.name,
            owner=service.owner,
            wait=spec.wait,
            tunes=service.tuning is not None,
            fingerprint=fingerprint,
            work=service.model_id if serving else (fingerprint or service.weights.uri or "unknown"),
            endpoint_id=service.endpoint_id if serving else None,
            accelerator_type=serving.accelerator_type if serving else None,
            accelerators=serving.accelerator_count * serving.max_replicas if serving else 0,
            preemptible=serving is not None and bool(serving.spot or serving.flex_start),
            rollout=serving.rollout if serving else None,
            in_preview=spec.check_in_preview,
            beside=_beside(spec, service.beside),
        )


def _beside(spec: ServiceSpec, others: tuple[ServiceSpec, ...]) -> tuple[Beside, ...]:
    """The services with another output bucket; usually there is none."""
    own = names.bucket(spec.output_uri)
    return tuple(
        Beside(service=s.name, project=s.project, region=s.region, output_uri=s.output_uri)
        for s in others
        if names.bucket(s.output_uri) != own
    )
