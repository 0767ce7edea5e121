"""From a preview and a price book to the report's model. Pure but for ``compared``, which may read data."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from ..pricing import Book, Estimate, Money, estimate
from . import causes
from .model import NO_COST, Cost, Data, Downtime, Report, Risk, Service, Severity, Span, Training, Verb
from .preview import COMPONENT, STACK, Op, Planned, Preview, others, ours, stack_of

Compared = Callable[[Planned, Data], Data]
_COLOURS = re.compile(r"\x1b\[[0-9;]*m|<\{%[^%]*%\}>")
_REUSED = "pays nothing"
"""How TuningJob ends the line that says that a paid tuning is used."""


def _not_compared(_resource: Planned, data: Data) -> Data:
    return data


def build(preview: Preview, book: Book, compared: Compared = _not_compared) -> Report:
    """The report on a preview.

    Args:
        preview: what the engine plans.
        book: prices of today; before and after are counted with the same ones.
        compared: finds out which examples are added and removed, where both contents can be read.
    """
    resources = ours(preview)
    said = _said(preview)
    names = list(dict.fromkeys(resource.service for resource in resources))
    services, risks = list[Service](), list[Risk]()
    whole = NO_COST
    for name in names:
        parts = [resource for resource in resources if resource.service == name]
        cost, estimates = _cost(parts, book, said)
        whole += cost
        if all(part.op is Op.SAME for part in parts):
            continue
        service = _service(name, parts, cost, said, compared)
        services.append(service)
        risks += _risks(service, parts, estimates)
    gravest = {name: min((r.severity for r in risks if r.service == name), default=9) for name in names}
    return Report(
        stack=stack_of(preview),
        currency=book.currency,
        errors=_errors(preview),
        risks=tuple(sorted(risks)),
        services=tuple(sorted(services, key=lambda service: (gravest[service.name], service.name))),
        others=others(preview),
        cost=whole,
        complete=_complete(preview),
    )


def _service(
    name: str, parts: Sequence[Planned], cost: Cost, said: Mapping[str, list[str]], compared: Compared
) -> Service:
    edits = causes.changes(parts)
    return Service(
        name=name,
        verb=_verb(parts),
        training=_training(_one(parts, "TuningJob"), said),
        downtime=_downtime(parts),
        cost=cost,
        changes=edits,
        data=tuple(compared(resource, data) for resource, data in causes.datasets(parts)),
        steps=tuple(f"{part.op.value} {part.kind}" for part in parts if part.op is not Op.SAME),
        notes=tuple(dict.fromkeys((*_proofs(parts), *(n for part in parts for n in said.get(part.urn, ()))))),
    )


def _proofs(parts: Sequence[Planned]) -> Iterator[str]:
    """How the model that serves did in its evaluation, and what a new one has to show."""
    deployed = _one(parts, "DeployedModel")
    if deployed is None:
        return
    verdict = (deployed.before or {}).get("verdict")
    if isinstance(verdict, Mapping):
        score, n, least = (_figure(verdict.get(key)) for key in ("score", "n", "threshold"))
        yield f"what serves now was evaluated: {score} of {n} answers, at least {least} was asked for"
    if deployed.op not in (Op.CREATE, Op.REPLACE) or deployed.after is None:
        return
    evaluation, canary = deployed.after.get("evaluation"), deployed.after.get("canary")
    if isinstance(evaluation, Mapping):
        least = _figure(evaluation.get("threshold"))
        yield f"the new model is evaluated before callers get it: at least {least}"
    if isinstance(canary, Mapping):
        steps = ", ".join(f"{_figure(step)} %" for step in canary.get("steps") or ())
        yield f"it takes the traffic in steps: {steps}, each for {canary.get('wait', '10m')}"


def _figure(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _one(parts: Sequence[Planned], kind: str) -> Planned | None:
    """The resource of a kind; with the new one first, should an old one go under another name."""
    found = sorted((part for part in parts if part.kind == kind), key=lambda part: part.op is Op.DELETE)
    return found[0] if found else None


def _verb(parts: Sequence[Planned]) -> Verb:
    model = _one(parts, "TunedModel")
    op = model.op if model else Op.UPDATE
    return {Op.CREATE: Verb.NEW, Op.DELETE: Verb.REMOVED}.get(op, Verb.CHANGED)


def _training(job: Planned | None, said: Mapping[str, list[str]]) -> Training:
    if job is None or job.after is None or job.op not in (Op.CREATE, Op.REPLACE):
        return Training.NO
    if job.after.get("adopt_job") or any(line.endswith(_REUSED) for line in said.get(job.urn, ())):
        return Training.REUSED
    return Training.FIRST if job.op is Op.CREATE else Training.AGAIN


def _downtime(parts: Sequence[Planned]) -> Downtime:
    endpoint, deployed = _one(parts, "Endpoint"), _one(parts, "DeployedModel")
    if deployed is not None and deployed.op is Op.DELETE:
        return Downtime.ENDS
    if _renamed(endpoint):
        return Downtime.MOVES
    if deployed is None or deployed.op in (Op.SAME, Op.UPDATE):
        return Downtime.NONE if deployed or _verb(parts) is not Verb.NEW else Downtime.NOT_SERVED
    if deployed.op is Op.CREATE:
        return Downtime.STARTS
    after = deployed.after or {}
    if after.get("rollout") == "recreate" and after.get("wait", True):
        return Downtime.GAP
    return Downtime.TAKEN_OVER


def _renamed(endpoint: Planned | None) -> bool:
    if endpoint is None or endpoint.before is None or endpoint.after is None:
        return False
    names = ("project", "region", "endpoint_id")
    return any(endpoint.before.get(name) != endpoint.after.get(name) for name in names)


def _cost(
    parts: Sequence[Planned], book: Book, said: Mapping[str, list[str]]
) -> tuple[Cost, tuple[Estimate, Estimate]]:
    job, deployed = _one(parts, "TuningJob"), _one(parts, "DeployedModel")
    before, after = (estimate(book, _side(job, side), _side(deployed, side)) for side in ("before", "after"))
    pays = _training(job, said) in (Training.FIRST, Training.AGAIN)
    cost = Cost(after.once if pays else Money(), Span(*before.monthly), Span(*after.monthly))
    return cost, (before, after)


def _side(resource: Planned | None, side: str) -> Mapping[str, Any] | None:
    inputs: Mapping[str, Any] | None = getattr(resource, side, None)
    return inputs


def _risks(
    service: Service, parts: Sequence[Planned], estimates: tuple[Estimate, Estimate]
) -> Iterator[Risk]:
    def risk(severity: Severity, text: str) -> Risk:
        return Risk(severity, service.name, text)

    model, endpoint = _one(parts, "TunedModel"), _one(parts, "Endpoint")
    if service.downtime is Downtime.ENDS:
        yield risk(Severity.HIGH, "is no longer served; who calls it gets errors")
    if service.downtime is Downtime.MOVES and endpoint is not None:
        yield risk(Severity.HIGH, "the endpoint gets another name: callers of the old one get errors")
    if service.downtime is Downtime.GAP:
        yield risk(Severity.HIGH, "nothing answers between the old model and the new one (rollout: recreate)")
    if model is not None and model.op is Op.DELETE and (model.before or {}).get("delete_artifacts"):
        yield risk(Severity.HIGH, "its weights are deleted with it (delete_artifacts: true)")
    if service.training is Training.AGAIN:
        yield risk(Severity.MEDIUM, f"trains again: {_because(service)}")
    yield from (risk(Severity.MEDIUM, text) for text in _shrinking(service.data))
    yield from (risk(Severity.MEDIUM, text) for text in _dearer(service.cost, estimates[1].currency))
    outside = [change.key for change in service.changes if change.outside]
    if outside:
        yield risk(
            Severity.MEDIUM, f"was changed behind Pulumi's back, and is put back: {', '.join(outside)}"
        )
    if service.downtime is Downtime.TAKEN_OVER:
        yield risk(Severity.LOW, "both models are billed while the new one takes over")
    unknown = (service.cost.once + service.cost.after.high).unknown
    if unknown and service.verb is not Verb.REMOVED:
        yield risk(Severity.LOW, f"a price is unknown: {', '.join(unknown)}")


def _because(service: Service) -> str:
    edited = [change.key for change in service.changes if change.means == "re-train"]
    return ", ".join([*edited, *(data.key for data in service.data)]) or "its fingerprint changes"


def _shrinking(data: Sequence[Data]) -> Iterator[str]:
    for each in data:
        before, after = each.examples_before, each.examples_after
        if before and after is not None and after < before:
            yield f"{each.key} goes from {before:,} to {after:,} examples"


def _dearer(cost: Cost, currency: str) -> Iterator[str]:
    before, after = cost.before.high.known, cost.after.high.known
    if before and after > before * Decimal("1.2"):
        yield f"a month costs up to {after / before:.1f} times as much: {cost.monthly(currency)}"


def _errors(preview: Preview) -> tuple[str, ...]:
    """Why it failed, a line each, without the engine's word that it did."""
    lines = (
        _line(line) for d in preview.diagnostics if d.severity == "error" for line in d.message.splitlines()
    )
    return tuple(dict.fromkeys(line for line in lines if line and "unhandled error occurred" not in line))


def _complete(preview: Preview) -> bool:
    """Whether what stays as it is was shown, or nothing was there before."""
    shown = any(step.op == Op.SAME and step.urn.split("::")[2] == COMPONENT for step in preview.steps)
    before = [step.old_state for step in preview.steps if step.urn.split("::")[2] == STACK]
    return shown or not any(state is not None and state.outputs for state in before)


def _said(preview: Preview) -> dict[str, list[str]]:
    """What was said of each resource but errors, a line each."""
    found: dict[str, list[str]] = {}
    for diagnostic in preview.diagnostics:
        if diagnostic.severity != "error" and diagnostic.urn:
            found.setdefault(diagnostic.urn, []).append(_line(diagnostic.message))
    return found


def _line(text: str) -> str:
    return " ".join(_COLOURS.sub("", text).split()).removeprefix("error: ").removeprefix("warning: ")
