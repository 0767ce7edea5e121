"""The lineage of weights: from its file, or else from their job."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec

from ... import lineage, names
from ...lifecycle import Context, Observation, ResourceInputs
from ...lineage import Data, Lineage, LossCurves
from ...names import FINGERPRINT_LABEL, OWNER_LABEL
from ...vertex.client import Job
from ...vertex.errors import PermissionMissing
from ...vertex.memo import anew
from . import artifacts
from .progress import losses_of


def written(context: Context, artifacts_uri: str) -> Lineage | None:
    """The lineage beside the weights; ``None`` where there is none, or none that can be read."""
    with suppress(PermissionMissing, ValueError):
        content = context.vertex.storage.read(lineage.uri_of(artifacts_uri))
        return lineage.read(content[0]) if content is not None else None
    return None


def told(context: Context, declared: dict[str, Any], seen: Observation) -> dict[str, Any]:
    """The lineage of existing weights, or the declared one if nothing else is known."""
    found = written(context, str(seen.live["artifacts_uri"]))
    if found is None and (job := _job(context, seen)) is not None:
        found = of_job(job)
    plain: dict[str, Any] = msgspec.to_builtins(found) if found is not None else declared
    return plain


def to_write(
    context: Context, inputs: ResourceInputs, fingerprint: str, declared: Lineage | None, seen: Observation
) -> Lineage | None:
    """The lineage of weights that this owner's own job made and that have none yet; the first one stays."""
    uri = str(seen.live["artifacts_uri"])
    ours = uri.startswith(f"{inputs.output_uri}/") and _tuned_by(context, fingerprint) == inputs.owner
    if declared is None or not ours or context.vertex.storage.stat(lineage.uri_of(uri)) is not None:
        return None
    job = _job(context, seen)
    whole = msgspec.structs.replace(
        declared, job=seen.live.get("job"), ended=seen.live.get("ended"), losses=_losses(context, job)
    )
    return _with_bytes(context, whole, job)


def _tuned_by(context: Context, fingerprint: str) -> str:
    """Whose submission made the job; empty when nobody's did that is known."""
    held = context.claims.read(artifacts.job_key(fingerprint), "")
    if held is None or not held.claim.resource:
        return ""
    job = context.vertex.jobs.get(held.claim.resource)
    return held.claim.owner if job is None or artifacts.made_under(job, held.claim) else ""


def _job(context: Context, seen: Observation) -> Job | None:
    return context.vertex.jobs.get(str(seen.live["job"])) if seen.live.get("job") else None


def _losses(context: Context, job: Job | None) -> LossCurves | None:
    """The curves of a job, if its experiment leads to any and they can be read."""
    with anew():  # to the end of the curves
        found = losses_of(context, job) if job is not None else None
    if found is None:
        return None
    training, validation = (
        tuple((point.step, point.value) for point in curve) for curve in (found.training, found.validation)
    )
    return LossCurves(training=training, validation=validation)


def _with_bytes(context: Context, declared: Lineage, job: Job | None) -> Lineage:
    """A declared lineage with the bytes that the job read, as far as the job is still known."""
    read = (job.training_uri, job.validation_uri) if job is not None else ("", "")
    validation = declared.validation
    return msgspec.structs.replace(
        declared,
        training=_read(context, declared.training, read[0]),
        validation=_read(context, validation, read[1]) if validation is not None else None,
    )


def _read(context: Context, data: Data, uri: str) -> Data:
    where = uri or data.uri
    blob = context.vertex.storage.stat(where)
    return msgspec.structs.replace(
        data,
        uri=where,
        generation=names.generation_of(where),
        crc32c=blob.crc32c if blob is not None else None,
    )


def of_job(job: Job) -> Lineage:
    """As much as a job tells whose weights have no lineage beside them: it was not made by this plugin."""
    return Lineage(
        fingerprint=job.labels.get(FINGERPRINT_LABEL, ""),
        owner=job.labels.get(OWNER_LABEL, "unknown"),
        base_model=job.base_model,
        mode=job.mode.value if job.mode is not None else "unknown",
        parameters={"epochs": job.epochs},
        training=_unread(job.training_uri),
        validation=_unread(job.validation_uri) if job.validation_uri else None,
        job=job.name,
        ended=job.ended,
    )


def _unread(uri: str) -> Data:
    return Data(content=uri, source=uri, uri=uri)
