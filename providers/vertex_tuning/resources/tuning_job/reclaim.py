"""A tuning job whose claim was lost, by a lifecycle rule of the bucket perhaps: the state still names it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...lifecycle import Context, Phase, process
from ...names import OWNER_LABEL
from ...vertex.client import Job, JobState
from ...vertex.errors import InvalidRequest, NotFound
from .._shared import ownership
from .._tuning import artifacts
from .._tuning.artifacts import CLAIM_LABEL
from .._tuning.inputs import TuningJobInputs
from .._tuning.submission import noted, record

GONE = "{} and its claim are gone, and another would cost money"


def lost(before: Mapping[str, Any]) -> bool:
    """Whether the last look found no claim of a job that the outputs name."""
    return before.get("phase") == Phase.ABSENT and bool(before.get("job"))


def left(context: Context, before: Mapping[str, Any]) -> Job | None:
    """That job, if it is there; one that was cancelled is forgotten with its claim."""
    job = context.vertex.jobs.get(str(before["job"]))
    return job if job is not None and job.state is not JobState.CANCELLED else None


def again(context: Context, inputs: TuningJobInputs, before: Mapping[str, Any]) -> None:
    """Make the claim anew for the job, unless somebody has made one meanwhile.

    A job that carries another owner's label is claimed as one that was adopted: it is never cancelled.

    Raises:
        NotFound: the job is gone too.
    """
    key = artifacts.job_key(inputs.fingerprint)
    if context.claims.read(key, "") is not None:
        return
    job = left(context, before)
    if job is None:
        raise NotFound(f"{GONE.format(before['job'])}: `pulumi preview` says how much")
    ours = job.labels.get(OWNER_LABEL) == inputs.owner_label
    made_under = job.labels.get(CLAIM_LABEL, "").partition("-")[0] if ours else ""
    held = context.claims.take(key, inputs.owner, str(before.get("token") or ""), made_under)
    noted(context, inputs.urn, inputs.owner, held, job)
    record(context, inputs.owner, inputs.fingerprint)


def end(context: Context, inputs: TuningJobInputs, name: str) -> None:
    """Cancel a job that runs without a claim, as a state names it.

    Raises:
        InvalidRequest: it runs, is paid for, and is not this service's to cancel.
    """
    job = context.vertex.jobs.get(name)
    if job is None or job.state.ended or inputs.adopt_job is not None:
        return
    if job.labels.get(OWNER_LABEL) != inputs.owner_label:
        raise InvalidRequest(
            f"{job.name} {ownership.left_running(job)}. Its claim is gone, and it is paid for: cancel it "
            "by hand, or wait for its end, and destroy again"
        )
    context.vertex.jobs.cancel(job.name)
    process.say(inputs.urn, f"{job.name} was cancelled: its claim was gone, and it still ran", warning=True)
