"""Readiness: everything that has to be so before money is spent, told all at once."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec
from pulumi import Output
from pulumi.dynamic import CheckFailure, CheckResult, CreateResult, DiffResult, UpdateResult

from ... import names
from ...lifecycle import (
    HALF_DELETED,
    Change,
    Context,
    Declared,
    Observation,
    Phase,
    Provider,
    Refusal,
    compare,
    facts,
    orphaned,
    process,
    told,
)
from ...lifecycle.states import upgraded
from ...permissions import methods
from ...vertex.claim import HeldClaim
from ...vertex.claims import ClaimChanged, contended
from ...vertex.errors import NotFound
from ...vertex.memo import anew
from .._shared import folders
from .._shared.folders import elsewhere
from .._shared.ownership import Owner
from .._tuning.submission import TUNINGS, end_cut_off, give_up_or_leave, place_of
from ..deployed_model import rejections
from ..deployed_model.stale import Wanted, idle, observed, take_off_shown
from ..endpoint.undeploy import clear
from . import checks
from .inputs import ReadinessInputs


class ReadinessExternal:
    """Looks at billing, APIs, the region, the output bucket and the tuning quota."""

    waits_in_line = False

    def observe(self, context: Context, inputs: ReadinessInputs, _held: HeldClaim | None) -> Observation:
        """Ready, or failed with everything that is missing."""
        found = checks.findings(context, inputs)
        quota = checks.tuning_quota(context, inputs)
        missing = [each.text for each in found if each.missing] + _given(quota.missing)
        unchecked = [each.text for each in found if not each.missing] + _given(quota.unchecked)
        live: dict[str, Any] = {"missing": missing, "quota": quota.asked}
        if unchecked:
            live["unchecked"] = unchecked
        if missing:
            return Observation(Phase.FAILED, live, "not ready: " + "; ".join(missing))
        if quota.awaited:
            return Observation(Phase.PENDING, live, quota.awaited)
        wanted = _served(inputs)
        if wanted and (rejected := rejections.last(context, inputs.owner)):
            live["rejected"] = msgspec.to_builtins(rejected)
        phase = observed(idle(context, wanted)) if wanted else Phase.READY
        why = "" if phase is Phase.READY else "a deployment that an earlier run began is to be taken off"
        return Observation(phase, live, why)

    def submit(self, context: Context, inputs: ReadinessInputs, held: HeldClaim | None) -> HeldClaim | None:
        """Nothing is made here; what a run that was cut off has left is taken off."""
        if wanted := _served(inputs):
            take_off_shown(idle(context, wanted), wanted)
        return held

    def update(
        self, context: Context, before: Mapping[str, Any], inputs: ReadinessInputs, _held: HeldClaim | None
    ) -> None:
        """End what a killed run submitted and nobody wants any more; this comes before all that is wanted."""
        was = before.get("fingerprint"), before["output_uri"]
        if was[0] and was != (inputs.fingerprint, inputs.output_uri):
            place = place_of(before["project"], before["region"])
            end_cut_off(elsewhere(context, was[1]), inputs.urn, inputs.owner, place, was[0])

    def delete(self, context: Context, inputs: ReadinessInputs, _held: HeldClaim | None) -> bool:
        """Undo submissions that no state knows: a killed run leaves a job, and this is there before any."""
        for there in folders.of_service(context, inputs.owner):
            _undo_below(there, inputs)
            _forget_below(there, inputs.owner)
        return False


def _given(text: str) -> list[str]:
    return [text] if text else []


def _undo_below(context: Context, inputs: ReadinessInputs) -> None:
    place = place_of(inputs.project, inputs.region)
    for held in context.claims.below(TUNINGS):
        if held.claim.owner == inputs.owner:
            give_up_or_leave(context, inputs.urn, inputs.owner, place, held.key, held.claim.token)
        for waiter in held.claim.waiters:
            if waiter.owner == inputs.owner:
                contended(partial(_left, context, held.key, waiter.token))


def _forget_below(context: Context, owner: str) -> None:
    """Forget the claims of creates that were killed: by now the state holds nothing of the service."""
    for held in [*context.claims.owned("TunedModel", owner), *context.claims.owned("Endpoint", owner)]:
        kind, _, name = held.key.partition("/")
        if kind == "Endpoint":
            clear(context, Owner(owner, endpoints=(name.rsplit("/", 1)[1],)), name)
        with suppress(ClaimChanged):
            context.claims.delete(held)


def _served(inputs: ReadinessInputs) -> Wanted | None:
    if inputs.endpoint_id is None:
        return None
    endpoint = names.endpoint(inputs.project, inputs.region, inputs.endpoint_id)
    return Wanted(inputs.project, inputs.region, endpoint, inputs.work, inputs.owner)


def _left(context: Context, key: str, token: str) -> None:
    held = context.claims.read(key, token)
    if held is not None:
        context.claims.leave(held, token)


class ReadinessProvider(Provider[ReadinessInputs]):
    """Pulumi's view of readiness."""

    kind = "Readiness"
    inputs = ReadinessInputs
    external = ReadinessExternal()
    section = None
    judged = facts.Judged(
        regions=(),
        machines=(),
        models=(),
        max_epochs=(),
        max_replicas=(),
        required_labels=(),
        private_endpoints=(),
        evaluation_commands=(),
    )
    orphans = orphaned.none
    calls = (
        *methods("CloudBilling", "GetProjectBillingInfo"),
        *methods("ServiceUsage", "BatchGetServices"),
        *methods("CloudQuotas", "GetQuotaInfo ListQuotaInfos ListQuotaPreferences"),
        *methods("EndpointService", "ListEndpoints UndeployModel"),
        *methods("storage.objects", "list get insert delete"),
    )
    costs = facts.free
    parts = (facts.Part("readiness", ReadinessInputs.planned, after=()),)
    changes = {
        "project": Change.IN_PLACE.because("what is missing is looked for again, there"),
        "region": Change.IN_PLACE.because("what is missing is looked for again, there"),
        "output_uri": Change.IN_PLACE.because("the other bucket is looked at"),
        "tunes": Change.IN_PLACE.because("a tuning needs a quota that serving alone does not"),
        "work": Change.IN_PLACE.because("before other work is done it is looked at anew"),
        "fingerprint": Change.FOLLOWS.because("work says it"),
        "endpoint_id": Change.FOLLOWS.because("work says what is served where"),
        "accelerator_type": Change.FOLLOWS.because("other machines are other work"),
        "accelerators": Change.NONE.because("replicas change in place and are not checked before"),
        "preemptible": Change.FOLLOWS.because("other machines are other work"),
        "rollout": Change.NONE.because("says how the next change happens"),
        "in_preview": Change.NONE.because("says when it is looked at"),
        "beside": Change.NONE.because("says whose buckets are looked at too when this one is refused"),
    }

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Also fails the preview if prerequisites are missing."""
        found = super().check(olds, news)
        changed = bool(compare(self.changes, olds, news))
        if found.failures or not changed or not news.get("in_preview", True):
            return found
        seen = self.look(olds, news)
        for text in seen.live.get("unchecked", ()) if seen is not None else ():
            process.say(str(news.get("urn", "")), text, warning=True)
        if seen is not None and seen.phase is Phase.FAILED:
            # Pulumi names the key and its value beside the text; only the bucket has a key of its own.
            missing: list[CheckFailure] = [
                Refusal("output_uri" if text.startswith(checks.BUCKET) else "", text)
                for text in seen.live["missing"]
            ]
            inputs = self._parsed(news)
            others = self.asked(inputs, lambda context: checks.missing_beside(context, inputs))
            missing += [Refusal("", text) for text in others or ()]
            return CheckResult(found.inputs, missing)
        return found

    def diff(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Also marks settled resources for a re-check when their service changes."""
        found = super().diff(id_, olds, news)
        if found.changes:
            process.COMMAND.edited.add(str(news.get("owner")))
        return found

    def _settled(self, context: Context, inputs: ReadinessInputs, held: HeldClaim | None) -> Observation:
        seen = super()._settled(context, inputs, held)
        # A preview has reported it already, unless checks are off.
        for text in () if inputs.in_preview else seen.live.get("unchecked", ()):
            process.say(inputs.urn, text, warning=True)
        if seen.live["quota"]:
            process.say(inputs.urn, seen.live["quota"])
        return seen

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Creates its claim last, because the bucket may be missing."""
        made = super().create(props)
        inputs, token = self._parsed(props), uuid.uuid4().hex
        with told(self.kind, inputs):
            self._context(inputs).claims.take(self._key(inputs), inputs.owner, token)
        return CreateResult(made.id, {**(made.outs or {}), "token": token})

    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Also moves its claim to another output folder; early states have none.

        The old folder names the new one before anything is begun there, so that an edit back finds it.
        """
        olds = upgraded(olds)
        inputs, before, token = self._parsed(news), self._written(olds), uuid.uuid4().hex
        moved = olds["output_uri"] != news["output_uri"]
        if moved:
            # A bucket that is gone holds no claims, and needs to lead nowhere.
            with told(self.kind, inputs), suppress(NotFound):
                folders.link(self._context(before), inputs.owner, token, [inputs.output_uri])
        made = super().update(id_, olds, news)
        if not moved and olds.get("token"):
            with told(self.kind, inputs), anew():
                contended(lambda: folders.forget_left(self._context(inputs), inputs.owner))
            return made
        with told(self.kind, inputs):
            self._context(inputs).claims.take(self._key(inputs), inputs.owner, token)
            used = [
                there.claims.output_uri for there in folders.of_service(self._context(before), inputs.owner)
            ]
            folders.link(self._context(inputs), inputs.owner, token, used)
        return UpdateResult({**(made.outs or {}), "token": token})

    def delete(self, id_: str, props: dict[str, Any]) -> None:
        """Undo what is left of the service, unless another create of it holds the claim by now."""
        props = upgraded(props)
        inputs = self._written(props)
        with anew():
            with told(self.kind, inputs, HALF_DELETED):
                claims = self._to_delete(inputs).claims
                held = claims.read(self._key(inputs), str(props.get("token") or ""))
            if held is not None and not held.ours:
                return
            super().delete(id_, props)
            if held is None:
                return
            with told(self.kind, inputs, HALF_DELETED):
                # Its own comes last: until then it leads to the others.
                for there in reversed(folders.of_service(self._to_delete(inputs), inputs.owner)):
                    claim = there.claims.read(held.key, "")
                    if claim is not None and claim.claim.owner == inputs.owner:
                        there.claims.delete(claim)

    @classmethod
    def claim_of(cls, _name: str, owner: str) -> str:
        """The whole service."""
        return f"the service {owner}"

    def identity(self, inputs: ReadinessInputs) -> str:
        """One per service."""
        return names.readiness(inputs.owner)


class Readiness(Declared, module="vertex", name="Readiness"):
    """Checks the prerequisites; fails with all that is missing and how to mend each."""

    provider = ReadinessProvider

    missing: Output[list[str]]
    quota: Output[str]
    rejected: Output[dict[str, Any] | None]
    phase: Output[str]
