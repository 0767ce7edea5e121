"""Register consumers of another owner's weights as waiters in that tuning's claim."""

from __future__ import annotations

from contextlib import suppress

from ...checkpoints import output_of
from ...lifecycle import Context, ResourceInputs, process
from ...lifecycle.taking import acquire
from ...names import FINGERPRINT_LABEL
from ...vertex.claim import HeldClaim
from ...vertex.claims import Claims, contended
from ...vertex.client import Job
from ...vertex.errors import PermissionMissing
from .._shared.folders import elsewhere
from . import artifacts
from .artifacts import made_under
from .inputs import TuningJobInputs
from .submission import give_up, place_of


def root_of(folder: str) -> str:
    """The output folder of a tuning's owner: each tuning writes to a folder of its own below it."""
    return output_of(folder).rpartition("/")[0]


def claimed_elsewhere(job: Job, inputs: TuningJobInputs) -> str:
    """The fingerprint of the tuning that made a job, if another claim than the inputs' own stands for it.

    Empty too for a job that no claim was made for, such as one of the console's.
    """
    made_for = job.labels.get(FINGERPRINT_LABEL, "")
    own = (root_of(job.output_uri), made_for) == (inputs.output_uri, inputs.fingerprint)
    return "" if own else made_for


def maker(context: Context, job: Job, fingerprint: str) -> str:
    """Who owns a job, as the claim says that it was made under; empty when nobody holds it any more."""
    found = _claims(context, job.output_uri).read(artifacts.job_key(fingerprint), "")
    return found.claim.owner if found is not None and made_under(job, found.claim) else ""


def join(context: Context, inputs: ResourceInputs, folder: str, fingerprint: str, token: str) -> None:
    """Write down, for the owner of the tuning in ``folder``, that this service reads its weights.

    A read-only bucket is common: warn, do not fail.
    """
    there, key = elsewhere(context, root_of(folder)), artifacts.job_key(fingerprint)

    def joined() -> HeldClaim | None:
        return there.claims.join(key, inputs.owner, token)

    def finish(held: HeldClaim) -> None:
        give_up(there, inputs.urn, inputs.owner, place_of(inputs.project, inputs.region), held)

    try:
        acquire(there, inputs.urn, key, joined, finish)
    except PermissionMissing:
        text = f"{root_of(folder)} may not be written to: the owner of its weights is not told who reads them"
        process.say(inputs.urn, text, warning=True)


def leave(context: Context, folder: str, fingerprint: str, token: str) -> None:
    """Read them no more; what the reader had inherited meanwhile is left to whoever wants it."""
    claims, key = _claims(context, folder), artifacts.job_key(fingerprint)

    def gone() -> None:
        held = claims.read(key, token)
        if held is None:
            return
        if held.ours and not held.claim.waiters:
            claims.release(held)
        else:
            claims.leave(held, token)

    with suppress(PermissionMissing):
        contended(gone)


def token_of(held: HeldClaim | None, owner: str) -> str:
    """The token under which ``owner`` holds or will hold a claim; empty if neither."""
    if held is None:
        return ""
    if held.claim.owner == owner:
        return held.claim.token
    return next((waiter.token for waiter in held.claim.waiters if waiter.owner == owner), "")


def _claims(context: Context, folder: str) -> Claims:
    return elsewhere(context, root_of(folder)).claims
