"""Risks of a service's change."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from ..lifecycle import Change
from ..pricing.money import rounded, span
from ..resources.deployed_model.kind import GAP_OF_A_MOVE
from ..resources.deployed_model.rejections import THIS_FAILED
from .costs import Costs
from .model import Cost, Data, Downtime, Risk, Service, Severity, Training, Verb
from .preview import Op, Planned, one

_DEARER = Decimal("1.2")


def risks(service: Service, parts: Sequence[Planned], counted: Costs) -> Iterator[Risk]:
    """The risks of a service's change, unordered."""
    for severity, found in (
        (Severity.HIGH, _high(service, parts)),
        (Severity.MEDIUM, _medium(service, parts, counted)),
        (Severity.LOW, _low(service, parts, counted)),
    ):
        yield from (Risk(severity, service.name, text) for text in found)


def _high(service: Service, parts: Sequence[Planned]) -> Iterator[str]:
    model = one(parts, "TunedModel")
    if service.downtime is Downtime.ENDS:
        yield "is no longer served: callers get errors"
    if service.downtime is Downtime.MOVES:
        yield "the endpoint gets another name and address: callers of the old one get errors"
        if GAP_OF_A_MOVE in service.notes:
            yield "downtime between the old endpoint and the new one (wait: false)"
    if service.downtime is Downtime.GAP:
        yield "downtime between the old model and the new one (rollout: recreate)"
    yield from _runs(parts)
    if model is not None and model.op is Op.DELETE and (model.before or {}).get("delete_artifacts"):
        yield "its weights are deleted, too (delete_artifacts: true)"


def _runs(parts: Sequence[Planned]) -> Iterator[str]:
    """The evaluation command that this change runs, with the rights of whoever runs up."""
    deployed = one(parts, "DeployedModel")
    if deployed is None or deployed.op not in (Op.CREATE, Op.REPLACE, Op.UPDATE):
        return
    evaluation = (deployed.after or {}).get("evaluation")
    command = evaluation.get("command") if isinstance(evaluation, Mapping) else None
    if command:
        yield f"runs a command with the rights of whoever runs up: `{shlex.join(map(str, command))}`"


def _medium(service: Service, parts: Sequence[Planned], counted: Costs) -> Iterator[str]:
    if service.training is Training.AGAIN:
        yield f"re-trains: {_because(service)}"
    yield from _shrinking(service.data)
    yield from _dearer(service.cost, counted.after.currency)
    yield from _lowered(parts)
    if any(note.startswith(THIS_FAILED) for note in service.notes):
        yield "deploys a model that failed its last evaluation"
    outside = [change.key for change in service.changes if change.outside]
    if outside:
        yield f"was changed outside Pulumi, and is reverted: {', '.join(outside)}"


def _low(service: Service, parts: Sequence[Planned], counted: Costs) -> Iterator[str]:
    before, after, currency = counted.before, counted.after, counted.after.currency
    if service.downtime is Downtime.TAKEN_OVER:
        low, high = (was + now for was, now in zip(before.hourly, after.hourly, strict=True))
        told = "" if high.unknown else f": {span((low, high), currency, ' an hour')}"
        yield f"both models cost money during the rollout{told}"
    deployed = one(parts, "DeployedModel")
    made = deployed is not None and deployed.op in (Op.CREATE, Op.REPLACE)
    if made and deployed is not None and (deployed.after or {}).get("evaluation"):
        told = "" if after.hourly[1].unknown else f": {span(after.hourly, currency, ' an hour')}"
        yield f"its evaluation runs on the same machines before that{told}"
    uncertain = (service.cost.once + service.cost.after.high).uncertain
    if uncertain and service.verb is not Verb.REMOVED:
        yield f"not all costs are known: {', '.join(uncertain)}"


def _because(service: Service) -> str:
    edited = [change.key for change in service.changes if change.means == Change.RETRAIN.value]
    return ", ".join([*edited, *(data.key for data in service.data)]) or "its fingerprint changes"


def _shrinking(data: Sequence[Data]) -> Iterator[str]:
    for each in data:
        before, after = each.examples_before, each.examples_after
        if each.gone:
            yield f"{each.key} is removed"
        elif before and after is not None and after < before:
            yield f"{each.key} goes from {before:,} to {after:,} examples"


def _dearer(cost: Cost, currency: str) -> Iterator[str]:
    """The increase of the monthly cost; no ratio of incomplete sums."""
    before, after = cost.before.high, cost.after.high
    if not before.known or after.known <= before.known * _DEARER:
        return
    if not before.unknown and not after.unknown:
        yield f"the monthly cost grows up to {after.known / before.known:.1f} times: {cost.monthly(currency)}"
    elif {*before.unknown} == {*after.unknown}:
        known = f"from {rounded(before.known)} to {rounded(after.known)} {currency}"
        yield f"the known monthly costs rise {known}"


def _lowered(parts: Sequence[Planned]) -> Iterator[str]:
    """Checks that this change removes or loosens."""
    job, deployed = one(parts, "TuningJob"), one(parts, "DeployedModel")
    if deployed is not None and deployed.before is not None and deployed.after is not None:
        was, now = deployed.declared, deployed.after
        asked, asks = was.get("evaluation"), now.get("evaluation")
        if isinstance(asked, Mapping) and not isinstance(asks, Mapping):
            yield "new models are no longer evaluated: serving.evaluation is removed"
        elif isinstance(asked, Mapping) and isinstance(asks, Mapping):
            least, less = float(asked.get("threshold", 0)), float(asks.get("threshold", 0))
            if less < least:
                yield f"new models have to reach less: serving.evaluation.threshold {least:g} → {less:g}"
        if was.get("canary") and not now.get("canary"):
            yield "new models take all the traffic at once: serving.canary is removed"
    edits = (job.declared.get("retrain"), (job.after or {}).get("retrain")) if job is not None else ()
    if edits == ("deny", "allow"):
        yield "edits may start another paid tuning: retrain deny → allow"
