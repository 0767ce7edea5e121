"""What may be ended or deleted: only what carries the owner's own label, whatever a claim says of it.

A claim is an object in a bucket, and whoever may write there can write any name into it. So before anything
that exists is cancelled, undeployed or deleted, its own labels are read. Model Garden's one call cannot set
labels: what has none is ours if the weights that it serves lie in our output folder, or are those declared.
"""

from __future__ import annotations

from typing import NamedTuple

from ... import names
from ...lifecycle import Context, process
from ...names import OWNER_LABEL
from ...vertex.client import Endpoint, Job


class Owner(NamedTuple):
    """Who deletes.

    Attributes:
        name: project, stack and service.
        weights: what is served besides the weights in the output folder.
        endpoints: ids that the state declares: until labels are set, the id says whose it is.
    """

    name: str
    weights: str = ""
    endpoints: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What its resources carry."""
        return names.label_of(self.name)


def has_model(context: Context, owner: Owner, model: str) -> bool:
    """Whether a registered model is the owner's; one that is gone is nobody's."""
    found = context.vertex.serving.model(model)
    if found is None:
        return False
    if OWNER_LABEL in found.labels:
        return found.labels[OWNER_LABEL] == owner.label
    weights = f"{found.artifacts_uri or ''}/"
    declared = (context.claims.output_uri, owner.weights)
    return any(weights.startswith(f"{folder}/") for folder in declared if folder)


def has_endpoint(context: Context, owner: Owner, endpoint: Endpoint) -> bool:
    """Whether an endpoint is the owner's.

    Without labels it was made a moment ago: under a declared id, or all that serves on it is the owner's.
    """
    if OWNER_LABEL in endpoint.labels:
        return endpoint.labels[OWNER_LABEL] == owner.label
    if endpoint.name.rsplit("/", 1)[1] in owner.endpoints:
        return True
    if names.ours(endpoint.name) or names.ours(endpoint.display_name):
        return all(has_model(context, owner, each.model) for each in endpoint.deployed)
    own = Owner(owner.name)
    return bool(endpoint.deployed) and all(has_model(context, own, each.model) for each in endpoint.deployed)


def has_job(owner: str, job: Job, folder: str = "") -> bool:
    """Whether a job is the owner's: by its label, or as the tuning in a folder that the owner took over."""
    return job.labels.get(OWNER_LABEL) == names.label_of(owner) or bool(folder and job.output_uri == folder)


def cancel(context: Context, urn: str, owner: str, job: Job, folder: str = "") -> bool:
    """Cancel a job that is the owner's; another's is left, which is reported.

    Args:
        context: what the external calls may use.
        urn: whose row shows the warning.
        owner: who wants it cancelled.
        job: as it is now.
        folder: of the tuning that this owner's state declares and shares, if it took it over from another.
    """
    if not has_job(owner, job, folder):
        process.say(urn, f"{job.name} {left_running(job)}", warning=True)
        return False
    context.vertex.jobs.cancel(job.name)
    return True


def left_running(job: Job) -> str:
    """That a job is left as it is, and whose it is."""
    whose = job.labels.get(OWNER_LABEL)
    label = f"the label {OWNER_LABEL}={whose}" if whose else f"no label {OWNER_LABEL}"
    return f"is {job.state.value} and not cancelled: it carries {label}, which is not this service's"


def skipped(name: str) -> None:
    """Report what is left as it is because it is not this service's."""
    text = f"{name} is left as it is: neither its labels nor its weights say that it is this service's"
    process.say("", text, warning=True)
