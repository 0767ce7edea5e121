"""Adopting a tuning job: it has to be what is declared, as far as the job shows it."""

from __future__ import annotations

from ... import names
from ...lifecycle import Context, process
from ...vertex.client import Job
from ...vertex.errors import InvalidRequest, NotFound, PermissionMissing
from .._tuning.inputs import TuningJobInputs

ALWAYS = ("base_model", "mode", "epochs", "custom_base_model", "teacher")
IF_DECLARED = ("learning_rate", "adapter_size", "batch_size")
"""What is left to Vertex AI is not compared: the job may show what Vertex AI chose."""
DATA = ("training_uri", "validation_uri")


def job(context: Context, inputs: TuningJobInputs, name: str) -> Job:
    """The job, if it is what the inputs declare.

    Not shown by a job, and so not compared: the service account's and the key's part in it, and
    ``attempt``. Data at another place are compared by checksum, unless they are a copy of what is declared.
    """
    found = context.vertex.jobs.get(name)
    if found is None:
        raise NotFound(f"adopt_job: {name} is not there")
    compared = [*ALWAYS, *(key for key in IF_DECLARED if getattr(inputs, key) is not None)]
    differing = [
        f"{key} is {getattr(found, key)}, not {getattr(inputs, key)}"
        for key in compared
        if getattr(found, key) != getattr(inputs, key)
    ]
    differing += [told for key in DATA if (told := _other_data(context, inputs, key, found))]
    if differing:
        raise InvalidRequest(f"adopt_job: {name} is not what is declared: {'; '.join(differing)}")
    return found


def _other_data(context: Context, inputs: TuningJobInputs, key: str, found: Job) -> str:
    theirs, ours = getattr(found, key), getattr(inputs, key)
    if ours is None or theirs == ours:
        return ""
    if ours in inputs.live_data and theirs and names.is_copy(theirs, ours):
        # Declared is the object in whatever generation; which one it is to be is said by naming the job.
        return ""
    if not theirs:
        return f"{key} is not set, not {ours}"
    try:
        there, here = context.vertex.storage.stat(theirs), context.vertex.storage.stat(ours)
    except (NotFound, PermissionMissing):
        there = here = None
    if there is None or here is None:
        text = f"adopt_job: whether {theirs} holds what {ours} does could not be compared"
        process.say(inputs.urn, text, warning=True)
        return ""
    return "" if there.crc32c == here.crc32c else f"{key} is {theirs}, whose content is not that of {ours}"
