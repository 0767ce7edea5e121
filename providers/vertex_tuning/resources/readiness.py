"""Readiness: everything that has to be so before money is spent, told all at once."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pulumi import Output
from pulumi.dynamic import CheckFailure, CheckResult, CreateResult

from .. import catalog, names
from ..lifecycle import (
    Change,
    Declared,
    Observation,
    Phase,
    Provider,
    Reach,
    ResourceInputs,
    compare,
    process,
    told,
)
from ..specs import CountOrZero, Rollout, RolloutChoice
from ..vertex.claims import Held, contended
from ..vertex.errors import NotFound, PermissionMissing
from .submission import TUNINGS, undo
from .tuning_quota import Verdict, verdict

BUCKET = "output bucket"
SERVICES = ("aiplatform.googleapis.com", "storage.googleapis.com")


class ReadinessInputs(ResourceInputs):
    """What is needed.

    Attributes:
        tunes: whether a tuning job will be submitted.
        endpoint_id: where it will be served, and then ``work`` is the id of the model; or none.
        accelerators: how many of ``accelerator_type`` the first replicas take.
        rollout: whether the old model's accelerators are free by then.
        in_preview: look in preview already, because the same `up` creates none of it.
        work: changes with what will be done, so that a new tuning is checked for anew.
    """

    tunes: bool
    work: str
    endpoint_id: str | None = None
    accelerator_type: str | None = None
    accelerators: CountOrZero = 0
    rollout: RolloutChoice = Rollout.SIDE_BY_SIDE
    in_preview: bool = True


class ReadinessExternal:
    """Looks at billing, APIs, the region, the output bucket and the tuning quota."""

    waits_in_line = False

    def observe(self, reach: Reach, inputs: ReadinessInputs, _held: Held | None) -> Observation:
        """Ready, or failed with everything that is missing."""
        missing = [
            text
            for check in (_billing, _services, _region, _bucket, _capacity)
            if (text := _told(check, reach, inputs))
        ]
        quota = _quota(reach, inputs)
        missing += [quota.missing] if quota.missing else []
        live = {"missing": missing, "quota": quota.asked}
        if missing:
            return Observation(Phase.FAILED, live, "not ready: " + "; ".join(missing))
        if quota.awaited:
            return Observation(Phase.PENDING, live, quota.awaited)
        return Observation(Phase.READY, live)

    def submit(self, _reach: Reach, _inputs: ReadinessInputs, held: Held | None) -> Held | None:
        """Nothing is made here."""
        return held

    def update(
        self, _reach: Reach, _before: Mapping[str, Any], _inputs: ReadinessInputs, _held: Held | None
    ) -> None:
        """The look that follows is the update."""

    def delete(self, reach: Reach, inputs: ReadinessInputs, _held: Held | None) -> bool:
        """Undo submissions that no state knows: a killed run leaves a job, and this is there before any."""
        for held in reach.claims.below(TUNINGS):
            if held.claim.owner == inputs.owner:
                contended(partial(_undone, reach, inputs, held.key, held.claim.token))
            for heir in held.claim.heirs:
                if heir.owner == inputs.owner:
                    contended(partial(_left, reach, held.key, heir.token))
        return False


def _undone(reach: Reach, inputs: ReadinessInputs, key: str, token: str) -> None:
    held = reach.claims.read(key, token)
    if held is None or not held.ours:
        return
    if held.claim.heirs:
        reach.claims.leave(held, token)
    elif undo(reach, inputs.project, inputs.region, held):
        reach.claims.let_go(held)
    else:
        reach.claims.forget(held)


def _left(reach: Reach, key: str, token: str) -> None:
    held = reach.claims.read(key, token)
    if held is not None:
        reach.claims.leave(held, token)


Check = Callable[[Reach, ReadinessInputs], str]


def _told(check: Check, reach: Reach, inputs: ReadinessInputs) -> str:
    try:
        return check(reach, inputs)
    except PermissionMissing as error:
        return f"{check.__name__.strip('_')} cannot be looked at: {error}"


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
    bucket = inputs.output_uri.removeprefix("gs://").partition("/")[0]
    return (
        f"{BUCKET} gs://{bucket} is not there (gcloud storage buckets create gs://{bucket} "
        f"--project {inputs.project} --location {inputs.region}; needs roles/storage.admin)"
    )


def _quota(reach: Reach, inputs: ReadinessInputs) -> Verdict:
    if not inputs.tunes:
        return Verdict()
    try:
        quota = reach.vertex.project.tuning_quota(inputs.project)
    except PermissionMissing as error:
        return Verdict(missing=f"quota cannot be looked at: {error}")
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


class ReadinessProvider(Provider[ReadinessInputs]):
    """Pulumi's view of readiness."""

    kind = "Readiness"
    inputs = ReadinessInputs
    external = ReadinessExternal()
    changes = {
        "project": Change.IN_PLACE,
        "region": Change.IN_PLACE,
        "output_uri": Change.IN_PLACE,
        "tunes": Change.IN_PLACE,
        "work": Change.IN_PLACE,
        "endpoint_id": Change.NONE,  # what will be served where follows ``work``
        "accelerator_type": Change.NONE,
        "accelerators": Change.NONE,
        "rollout": Change.NONE,
        "in_preview": Change.NONE,
    }

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """As everywhere; and what is missing outside fails the preview, before anything is made."""
        found = super().check(olds, news)
        changed = bool(compare(self.changes, olds, news))
        if found.failures or not changed or not news.get("in_preview", True):
            return found
        seen = self.look(olds, news)
        if seen is not None and seen.phase is Phase.FAILED:
            # Pulumi names the key and its value beside the text; only the bucket has a key of its own.
            missing = [
                CheckFailure("output_uri" if text.startswith(BUCKET) else "", text)
                for text in seen.live["missing"]
            ]
            return CheckResult(found.inputs, missing)
        return found

    def _settled(self, reach: Reach, inputs: ReadinessInputs, held: Held | None) -> Observation:
        seen = super()._settled(reach, inputs, held)
        if seen.live["quota"]:
            process.say(inputs.urn, seen.live["quota"])
        return seen

    def create(self, props: dict[str, Any]) -> CreateResult:
        """As everywhere; its claim comes last, because the bucket may be what is missing."""
        made = super().create(props)
        inputs, token = self._parsed(props), uuid.uuid4().hex
        with told(self.kind, inputs):
            self._reach(inputs).claims.take(self._key(inputs), inputs.owner, token)
        return CreateResult(made.id, {**(made.outs or {}), "token": token})

    def delete(self, id_: str, props: dict[str, Any]) -> None:
        """Undo what is left of the service, unless another create of it holds the claim by now."""
        inputs = self._parsed(props)
        with told(self.kind, inputs):
            claims = self._reach(inputs).claims
            held = claims.read(self._key(inputs), str(props.get("token") or ""))
        if held is not None and not held.ours:
            return
        super().delete(id_, props)
        if held is not None:
            with told(self.kind, inputs):
                claims.forget(held)

    def identity(self, inputs: ReadinessInputs) -> str:
        """One per service."""
        return f"{inputs.owner}/readiness"


class Readiness(Declared, module="vertex", name="Readiness"):
    """Checks the prerequisites; fails with all that is missing and how to mend each."""

    provider = ReadinessProvider

    missing: Output[list[str]]
    quota: Output[str]
    phase: Output[str]
