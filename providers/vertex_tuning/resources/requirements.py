"""What has to be so before money is spent: each thing looked at by itself, and told with its mend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import msgspec
from pydantic import Field

from .. import catalog, names, permissions
from ..lifecycle import Reach, ResourceInputs
from ..specs import CountOrZero, ProjectId, Rollout, RolloutChoice, Spec
from ..vertex.errors import NotFound, NotSignedIn, PermissionMissing, Transient, VertexError
from .tuning_quota import Verdict, verdict

BUCKET = "output bucket"
SERVICES = ("aiplatform.googleapis.com", "storage.googleapis.com")


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
        accelerators: how many of ``accelerator_type`` the first replicas take.
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
    accelerators: CountOrZero = 0
    rollout: RolloutChoice = Rollout.SIDE_BY_SIDE
    in_preview: bool = True
    beside: Annotated[tuple[Beside, ...], Field(strict=False)] = ()


class Look(msgspec.Struct, frozen=True):
    """One thing that has to be so.

    Attributes:
        name: what it is called when it cannot be looked at.
        check: what is missing, and how to mend it; empty when nothing is.
        calls: Google's names of the methods that it calls.
    """

    name: str
    check: Callable[[Reach, ReadinessInputs], str]
    calls: tuple[str, ...] = ()


def missing(reach: Reach, inputs: ReadinessInputs) -> list[str]:
    """Everything that is not so, but for the tuning quota, and how to mend each."""
    return [text for look in LOOKS if (text := _told(look, reach, inputs))]


def missing_beside(reach: Reach, inputs: ReadinessInputs) -> list[str]:
    """The output buckets of other services that are not there."""
    others = [inputs.model_copy(update=dict(each)) for each in inputs.beside]
    return [
        f"service {other.service}: {text}" for other in others if (text := _told(BUCKET_LOOK, reach, other))
    ]


def _told(look: Look, reach: Reach, inputs: ReadinessInputs) -> str:
    try:
        return look.check(reach, inputs)
    except VertexError as error:
        return _unseen(look.name, look.calls, error)


def _unseen(name: str, calls: tuple[str, ...], error: VertexError) -> str:
    """What cannot be looked at and why; one that concerns no check alone is raised again."""
    if isinstance(error, NotSignedIn | Transient):
        raise error
    mend = f" ({permissions.mend(*calls)})" if isinstance(error, PermissionMissing) else ""
    return f"{name} cannot be looked at: {error}{mend}"


def _billing(reach: Reach, inputs: ReadinessInputs) -> str:
    if reach.vertex.project.billing_enabled(inputs.project):
        return ""
    page = f"https://console.cloud.google.com/billing/linkedaccount?project={inputs.project}"
    return f"billing is off (link an account: {page})"


def _services(reach: Reach, inputs: ReadinessInputs) -> str:
    off = sorted(set(SERVICES) - reach.vertex.project.enabled_services(inputs.project, SERVICES))
    if not off:
        return ""
    return (
        f"APIs are off: {', '.join(off)} (gcloud services enable {' '.join(off)} --project {inputs.project}; "
        "needs roles/serviceusage.serviceUsageAdmin)"
    )


def _region(_reach: Reach, inputs: ReadinessInputs) -> str:
    try:
        catalog.find_region(inputs.region)
    except ValueError as error:
        return str(error)
    return ""


def _bucket(reach: Reach, inputs: ReadinessInputs) -> str:
    try:
        if reach.vertex.storage.bucket_exists(inputs.output_uri):
            return ""
    except NotFound:
        pass
    bucket = names.bucket(inputs.output_uri)
    return (
        f"{BUCKET} gs://{bucket} is not there (gcloud storage buckets create gs://{bucket} "
        f"--project {inputs.project} --location {inputs.region}; needs roles/storage.admin)"
    )


def tuning_quota(reach: Reach, inputs: ReadinessInputs) -> Verdict:
    """Whether the project may tune; nothing to say where nothing will be tuned."""
    if not inputs.tunes:
        return Verdict()
    try:
        quota = reach.vertex.project.tuning_quota(inputs.project)
    except VertexError as error:
        return Verdict(missing=_unseen("the tuning quota", (_INFOS, _PREFERENCES), error))
    return verdict(quota, inputs.project, wait=inputs.wait)


def _capacity(reach: Reach, inputs: ReadinessInputs) -> str:
    kind = inputs.accelerator_type
    if kind is None or inputs.endpoint_id is None:
        return ""
    limit = reach.vertex.project.serving_quota(inputs.project, inputs.region, kind).limit
    if limit is None:
        return ""
    held = {
        endpoint.name.rsplit("/", 1)[1]: endpoint.deployed
        for endpoint in reach.vertex.serving.endpoints(inputs.project, inputs.region)
    }
    ours = held.get(inputs.endpoint_id, ())
    if any(names.bare(deployed.model) == inputs.work for deployed in ours):
        return ""
    counted = {
        name: sum(d.accelerator_count * max(d.min_replicas, 1) for d in all_ if d.accelerator_type == kind)
        for name, all_ in held.items()
    }
    free = limit - sum(counted.values())
    surge = counted.get(inputs.endpoint_id, 0)
    if inputs.rollout is Rollout.RECREATE:
        free += surge
    if inputs.accelerators <= free:
        return ""
    page = f"https://console.cloud.google.com/iam-admin/quotas?project={inputs.project}"
    why = (
        f"; the old model holds {surge} until the new one serves: rollout: recreate avoids it, with downtime"
        if surge and inputs.rollout is Rollout.SIDE_BY_SIDE
        else ""
    )
    return (
        f"serving needs {inputs.accelerators} x {kind} and {max(free, 0)} of {limit} in {inputs.region} "
        f"are free{why} (or ask for more: {page})"
    )


_QUOTAS = "google.api.cloudquotas.v1.CloudQuotas"
_INFOS, _PREFERENCES = f"{_QUOTAS}.ListQuotaInfos", f"{_QUOTAS}.ListQuotaPreferences"
BUCKET_LOOK = Look("the output bucket", _bucket, ("storage.objects.list",))
LOOKS = (
    Look("billing", _billing, ("google.cloud.billing.v1.CloudBilling.GetProjectBillingInfo",)),
    Look("the APIs", _services, ("google.api.serviceusage.v1.ServiceUsage.BatchGetServices",)),
    Look("the region", _region),
    BUCKET_LOOK,
    Look("the serving quota", _capacity, (_INFOS, "google.cloud.aiplatform.EndpointService.ListEndpoints")),
)
