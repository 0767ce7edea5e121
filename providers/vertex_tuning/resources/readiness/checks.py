"""What has to be so before money is spent: each thing looked at by itself, and told with its mend."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from ... import catalog, console, names, permissions
from ...lifecycle import Context, process
from ...specs import Rollout
from ...vertex.client import Deployed
from ...vertex.errors import NotFound, NotSignedIn, PermissionMissing, VertexError
from .._shared import assigned
from .._tuning.quota import Verdict, verdict
from .inputs import ReadinessInputs

BUCKET = "output bucket"
SERVICES = ("aiplatform.googleapis.com", "storage.googleapis.com")
"""What tuning and serving use."""
LOOKED_AT_BY = ("cloudbilling.googleapis.com", "cloudquotas.googleapis.com", "serviceusage.googleapis.com")
"""What only the checks here use: without them work goes on unchecked."""


class Finding(msgspec.Struct, frozen=True):
    """What a check has found wrong.

    Attributes:
        text: what it is, and how to mend it.
        missing: it is known to be missing, which fails. Otherwise it could not be checked, which warns.
    """

    text: str
    missing: bool = True


class Check(msgspec.Struct, frozen=True):
    """One thing that has to be so.

    Attributes:
        name: what is checked.
        run: what is wrong with it; nothing when all is well.
        calls: Google's names of the methods that it calls.
    """

    name: str
    run: Callable[[Context, ReadinessInputs], Iterable[Finding]]
    calls: tuple[str, ...] = ()


def findings(context: Context, inputs: ReadinessInputs) -> list[Finding]:
    """Everything that is missing or could not be checked, but for the tuning quota."""
    return [found for check in CHECKS for found in _run(check, context, inputs)]


def missing_beside(context: Context, inputs: ReadinessInputs) -> list[str]:
    """The output buckets of other services that are not there."""
    others = [inputs.model_copy(update=dict(each)) for each in inputs.beside]
    return [
        f"service {other.service}: {found.text}"
        for other in others
        for found in _run(BUCKET_CHECK, context, other)
        if found.missing
    ]


def _run(check: Check, context: Context, inputs: ReadinessInputs) -> list[Finding]:
    try:
        return list(check.run(context, inputs))
    except VertexError as error:
        return [Finding(_unchecked(check.name, check.calls, error), missing=False)]


def _unchecked(name: str, calls: tuple[str, ...], error: VertexError) -> str:
    """Why something could not be checked; missing credentials concern everything and are raised again."""
    if isinstance(error, NotSignedIn | process.Interrupted):
        raise error
    mend = f" ({permissions.mend(*calls)})" if isinstance(error, PermissionMissing) else ""
    return f"not checked: {name}: {error}{mend}"


def _billing(context: Context, inputs: ReadinessInputs) -> Iterator[Finding]:
    if not context.vertex.project.billing_enabled(inputs.project):
        yield Finding(f"billing is off (link an account: {console.billing(inputs.project)})")


def _services(context: Context, inputs: ReadinessInputs) -> Iterator[Finding]:
    wanted = (*SERVICES, *LOOKED_AT_BY)
    off = set(wanted) - context.vertex.project.enabled_services(inputs.project, wanted)
    for services, text in (
        (SERVICES, "APIs are off"),
        (LOOKED_AT_BY, "not checked: APIs that checks use are off"),
    ):
        these = sorted(off & set(services))
        if these:
            mend = f"gcloud services enable {' '.join(these)} --project {inputs.project}"
            role = "needs roles/serviceusage.serviceUsageAdmin"
            yield Finding(f"{text}: {', '.join(these)} ({mend}; {role})", missing=services is SERVICES)


def _region(_context: Context, inputs: ReadinessInputs) -> Iterator[Finding]:
    try:
        catalog.find_region(inputs.region)
    except ValueError as error:
        yield Finding(str(error))


def _bucket(context: Context, inputs: ReadinessInputs) -> Iterator[Finding]:
    try:
        if context.vertex.storage.bucket_exists(inputs.output_uri):
            return
    except NotFound:
        pass
    bucket = names.bucket(inputs.output_uri)
    yield Finding(
        f"{BUCKET} gs://{bucket} is not there (gcloud storage buckets create gs://{bucket} "
        f"--project {inputs.project} --location {inputs.region}; needs roles/storage.admin)"
    )


def tuning_quota(context: Context, inputs: ReadinessInputs) -> Verdict:
    """Whether the project may tune; nothing to say where nothing will be tuned."""
    if not inputs.tunes:
        return Verdict()
    try:
        quota = context.vertex.project.tuning_quota(inputs.project)
    except VertexError as error:
        return Verdict(unchecked=_unchecked("the tuning quota", (_INFOS, _PREFERENCES), error))
    return verdict(quota, inputs.project, wait=inputs.wait)


def _capacity(context: Context, inputs: ReadinessInputs) -> Iterator[Finding]:
    kind = inputs.accelerator_type
    if kind is None or inputs.endpoint_id is None:
        return
    quota = context.vertex.project.serving_quota(
        inputs.project, inputs.region, kind, preemptible=inputs.preemptible
    )
    if quota.limit is None:
        yield Finding(f"not checked: the serving quota: {quota.name} tells no limit", missing=False)
        return
    held = {
        endpoint.name.rsplit("/", 1)[-1]: endpoint.deployed
        for endpoint in context.vertex.serving.endpoints(inputs.project, inputs.region)
    }
    own_id = assigned.last_id(context, inputs.project, inputs.region, inputs.endpoint_id, among=held)
    ours = held.get(own_id, ())
    if any(names.bare(deployed.model) == inputs.work for deployed in ours):
        return
    counted = {
        name: sum(
            charged(d) for d in all_ if (d.accelerator_type, d.preemptible) == (kind, inputs.preemptible)
        )
        for name, all_ in held.items()
    }
    free = quota.limit - sum(counted.values())
    surge = counted.get(own_id, 0)
    if inputs.rollout is Rollout.RECREATE:
        free += surge
    if inputs.accelerators <= free:
        return
    why = (
        f"; the old model holds {surge} until the new one serves: rollout: recreate avoids it, with downtime"
        if surge and inputs.rollout is not Rollout.RECREATE
        else ""
    )
    machines = f"{'preemptible ' if inputs.preemptible else ''}{kind}"
    yield Finding(
        f"serving needs {inputs.accelerators} x {machines} and {max(free, 0)} of {quota.limit} in "
        f"{inputs.region} are free{why} (or ask for more: "
        f"{console.quotas(inputs.project)})"
    )


def charged(deployed: Deployed) -> int:
    """The accelerators that a deployment counts for in its quota: as if all its replicas ran."""
    return deployed.accelerator_count * max(deployed.max_replicas, deployed.min_replicas, 1)


_QUOTAS = "google.api.cloudquotas.v1.CloudQuotas"
_INFO, _INFOS, _PREFERENCES = (
    f"{_QUOTAS}.{method}" for method in ("GetQuotaInfo", "ListQuotaInfos", "ListQuotaPreferences")
)
BUCKET_CHECK = Check("the output bucket", _bucket, ("storage.objects.list",))
CHECKS = (
    Check("billing", _billing, ("google.cloud.billing.v1.CloudBilling.GetProjectBillingInfo",)),
    Check("the APIs", _services, ("google.api.serviceusage.v1.ServiceUsage.BatchGetServices",)),
    Check("the region", _region),
    BUCKET_CHECK,
    Check("the serving quota", _capacity, (_INFO, "google.cloud.aiplatform.EndpointService.ListEndpoints")),
)
