"""Objects of a user's that a tuning reads: by one generation, copied, so that what was read stays known.

An object may be overwritten at any time, and while a job waits in line. So a job reads a copy of one
generation, below the output folder and named by object and generation.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ... import names
from ...lifecycle import Context
from ...vertex.claims import contended
from ...vertex.client import Blob, Job
from ...vertex.errors import NotFound
from . import provenance
from .inputs import TuningJobInputs


class Pinned(msgspec.Struct, frozen=True, kw_only=True):
    """One generation of an object, and where its copy is or will be."""

    uri: str
    generation: str
    copy: str

    @property
    def source(self) -> str:
        """The object in this generation."""
        return f"{self.uri}#{self.generation}"


def pin(context: Context, output_uri: str, source: str) -> Pinned | None:
    """The generation that a source names, or else the one that is there now; ``None`` if none is."""
    uri, _, generation = source.partition("#")
    if not generation:
        blob = context.vertex.storage.stat(uri)
        if blob is None:
            return None
        generation = str(blob.generation)
    return Pinned(uri=uri, generation=generation, copy=names.copied(output_uri, uri, generation))


def record(context: Context, owner: str, pinned: Pinned) -> None:
    """Write down, once it is validated and copied, what this owner's next job is to read of an object.

    In the service's own claim: two services may have validated different generations of one object.
    """

    def attempt() -> None:
        held = context.claims.read(names.claim_of_service(owner), "")
        if held is not None and held.claim.pinned.get(pinned.uri) != pinned.copy:
            context.claims.pin(held, pinned.uri, pinned.copy)

    contended(attempt)


def validated(context: Context, inputs: TuningJobInputs, uri: str) -> str:
    """The copy of an object that a job is to read. Copies are made of what was validated, and nowhere here.

    Raises:
        NotFound: nothing was validated, or the copy is gone.
    """
    held = context.claims.read(names.claim_of_service(inputs.owner), "")
    copy = held.claim.pinned.get(uri) if held is not None else None
    if copy is None:
        # Resources that are declared without a service have no such claim.
        pinned = pin(context, inputs.output_uri, uri)
        copy = pinned.copy if pinned is not None else None
    if copy is None or context.vertex.storage.stat(copy) is None:
        what = f"{copy}, the copy that was to be tuned on, is not there" if copy else "it is not there"
        raise NotFound(
            f"{uri}: {what}, and only what was validated is tuned on. Set attempt one higher to validate and "
            "tune on the object as it is now"
        )
    return copy


def read_by_job(job: Job) -> tuple[str, ...]:
    """Where a job has read its data: training first."""
    return tuple(uri for uri in (job.training_uri, job.validation_uri) if uri)


def read_for(context: Context, artifacts_uri: str) -> tuple[str, ...]:
    """The same of weights whose job is forgotten, from what is written beside them."""
    found = provenance.written(context, artifacts_uri)
    return tuple(data.uri for data in (found.training, found.validation) if data) if found else ()


def difference(context: Context, inputs: TuningJobInputs, read: tuple[str, ...]) -> str | None:
    """Which object holds other bytes by now than a tuning has read, in words; empty when none does.

    ``None`` when what it read is not known: an older version had it read the objects themselves.
    """
    copies: Mapping[str, str] = dict(zip(inputs.data, read, strict=False))
    known = True
    for uri in inputs.live_data:
        copy = copies.get(uri, uri)
        now, then = context.vertex.storage.stat(uri), _kept(context, uri, copy)
        if then is None or now is None:
            known = False
        elif now.crc32c != then.crc32c:
            return (
                f"{uri} holds other bytes (generation {now.generation}, crc32c {now.crc32c}) "
                f"than {copy} (crc32c {then.crc32c})"
            )
    return "" if known else None


def _kept(context: Context, uri: str, copy: str) -> Blob | None:
    return context.vertex.storage.stat(copy) if copy != uri else None
