"""Where the weights of a tuned model come from."""

from __future__ import annotations

from typing import Any

import msgspec

from ...catalog import LABELLED
from ...lifecycle import ResourceInputs, Sparse
from ...lineage import Data, Lineage
from ...planning import Service
from ...specs import Count, GcsUri, HyperParameters, Retry, TuningJobName
from ...tunings import DataPlan
from .._tuning.inputs import TuningJobInputs


class TunedModelInputs(ResourceInputs):
    """Where the weights come from, and what else is to be done with them.

    Attributes:
        fingerprint: of the tuning job that makes them; or else ``weights_uri``, a folder of given weights.
        checkpoint: number of the job's intermediate checkpoint that is used instead of its last weights.
        retry: whether a job that failed is followed by another, and then ``again`` is what to submit.
        lineage: the weights' lineage, as in :class:`vertex_tuning.lineage.Lineage`.
        promoted_job: the other stack's job that made given weights; its claim names this reader.
        export_uri: folder for a copy of the weights.
        price: what the job costs by the price book, for messages; empty when the book does not say.
        in_preview: look at given weights in preview already.
    """

    fingerprint: str | None = None
    weights_uri: GcsUri | None = None
    checkpoint: Count | None = None
    retry: Retry | None = None
    again: TuningJobInputs | None = None
    lineage: dict[str, Any] = {}
    promoted_job: TuningJobName | None = None
    export_uri: GcsUri | None = None
    price: Sparse[str] = ""
    delete_artifacts: bool = False
    in_preview: bool = True

    @classmethod
    def planned(cls, service: Service) -> TunedModelInputs:
        """The weights of a service: tuned, given, or another stack's."""
        spec, retry, job = service.spec, service.retry, TuningJobInputs.planned(service)
        lineage = _lineage(service)
        return cls(
            project=spec.project,
            region=service.tuned_in,
            output_uri=spec.output_uri,
            service=spec.name,
            owner=service.owner,
            wait=spec.wait,
            fingerprint=service.weights.fingerprint,
            weights_uri=service.weights.uri,
            checkpoint=spec.serving.checkpoint if service.tuning else None,
            retry=retry,
            again=job if retry else None,
            lineage=msgspec.to_builtins(lineage) if lineage else {},
            promoted_job=service.promoted.job if service.promoted else None,
            export_uri=spec.export_uri,
            price=job.price if job else "",
            delete_artifacts=spec.delete_artifacts,
            in_preview=spec.check_in_preview,
        )


def _lineage(service: Service) -> Lineage | None:
    spec, tuning, planned = service.spec, service.spec.tuning, service.tuning
    if tuning is None or planned is None:
        return service.promoted.lineage if service.promoted else None
    return Lineage(
        fingerprint=planned.fingerprint,
        owner=service.owner,
        base_model=tuning.base_model,
        mode=tuning.mode.value,
        parameters=tuning.model_dump(mode="json", include={*HyperParameters.model_fields}, exclude_none=True),
        training=_data(planned.training),
        validation=_data(planned.validation) if planned.validation else None,
        custom_base_model=tuning.custom_base_model,
        teacher=tuning.distillation.teacher if tuning.distillation else None,
        labelled=f"{planned.job_output_uri}/{LABELLED}" if tuning.distillation else None,
        attempt=tuning.attempt,
        commit=spec.commit,
    )


def _data(data: DataPlan) -> Data:
    examples = data.dataset.examples if data.dataset else None
    return Data(content=data.content, source=data.source, uri=data.uri, examples=examples)
