"""Build the report's model from a preview and a price book. Pure, except that ``compared`` may read data."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..cost import used_of
from ..names import COMPONENT
from ..pricing import Basis, Book, stale
from ..pricing.money import named
from ..resources.deployed_model.kind import GAP
from ..resources.deployed_model.rejections import FAILED, scored
from . import causes
from .costs import Costs, costs
from .model import NO_COST, Data, Downtime, Report, Risk, Service, Training, Verb
from .preview import STACK, Op, Planned, Preview, one, others, ours, stack_of
from .risks import risks as risks_of

Compared = Callable[[Planned, Data], Data]
_COLOURS = re.compile(r"\x1b\[[0-9;]*m|<\{%[^%]*%\}>")


def _not_compared(_resource: Planned, data: Data) -> Data:
    return data


def build(
    preview: Preview,
    book: Book,
    compared: Compared = _not_compared,
    *,
    program: Path = Path("infra"),
    today: dt.date | None = None,
) -> Report:
    """The report on a preview.

    Args:
        preview: what the engine plans.
        book: today's prices, used for both before and after.
        compared: counts added and removed examples, where both contents can be read.
        program: the program's folder, from which a preview names local data.
        today: decides which list prices are old; without it none is.
    """
    resources = ours(preview)
    said, errors, complete = _said(preview), _errors(preview), _complete(preview)
    names = list(dict.fromkeys(resource.service for resource in resources))
    services, risks = list[Service](), list[Risk]()
    whole = NO_COST
    for name in names:
        parts = [resource for resource in resources if resource.service == name]
        training = _training(one(parts, "TuningJob"), said)
        counted = costs(parts, book, training, said, complete=complete or bool(errors))
        whole += counted.cost
        edits = causes.changes(parts)
        if not edits and all(part.op is Op.SAME for part in parts):
            continue
        service = Service(
            name=name,
            verb=_verb(parts),
            training=training,
            downtime=_downtime(parts, said),
            cost=counted.cost,
            changes=edits,
            data=tuple(compared(resource, data) for resource, data in causes.datasets(parts, program)),
            steps=tuple(f"{part.op.value} {part.kind}" for part in parts if part.op is not Op.SAME),
            notes=_notes(parts, counted, said),
        )
        services.append(service)
        risks += risks_of(service, parts, counted)
    gravest = {name: min((r.severity for r in risks if r.service == name), default=9) for name in names}
    return Report(
        stack=stack_of(preview),
        currency=book.currency,
        errors=errors,
        risks=tuple(sorted(risks)),
        services=tuple(sorted(services, key=lambda service: (gravest[service.name], service.name))),
        others=others(preview),
        cost=whole,
        prices=_prices((whole.once + whole.before.high + whole.after.high).bases, today),
        complete=complete,
    )


def _prices(bases: Sequence[Basis], today: dt.date | None) -> str:
    """The list prices in the report, and whether they are old."""
    old = stale(bases, today) if today is not None else ""
    return "; ".join(part for part in (named(bases), old) if part)


def _notes(parts: Sequence[Planned], counted: Costs, said: Mapping[str, list[str]]) -> tuple[str, ...]:
    lines = (line for part in parts for line in said.get(part.urn, ()))
    return tuple(dict.fromkeys((*_proofs(parts), *counted.notes, *lines)))


def _proofs(parts: Sequence[Planned]) -> Iterator[str]:
    """The scores of the served and the last rejected model, and what a new one has to reach."""
    readiness, deployed = one(parts, "Readiness"), one(parts, "DeployedModel")
    if deployed is None:
        return
    before = deployed.before or {}
    rejected = (readiness.before or {}).get("rejected") if readiness else None
    if isinstance(rejected, Mapping) and rejected.get("model") != before.get("model_id"):
        yield f"{rejected.get('model')} {FAILED}: {_scored(rejected)}"
    verdict = before.get("verdict")
    if isinstance(verdict, Mapping):
        yield f"the served model was evaluated: {_scored(verdict)}"
    if deployed.op not in (Op.CREATE, Op.REPLACE) or deployed.after is None:
        return
    evaluation, canary = deployed.after.get("evaluation"), deployed.after.get("canary")
    if isinstance(evaluation, Mapping):
        least = _figure(evaluation.get("threshold"))
        yield f"the new model is evaluated before callers reach it: at least {least}"
    if isinstance(canary, Mapping):
        steps = ", ".join(f"{_figure(step)} %" for step in canary.get("steps") or ())
        yield f"it takes the traffic in steps: {steps}, each for {canary.get('wait', '10m')}"


def _scored(verdict: Mapping[str, Any]) -> str:
    return scored(float(verdict["score"]), int(verdict["n"]), float(verdict["threshold"]), "was")


def _figure(value: Any) -> str:
    return f"{value:.16g}" if isinstance(value, int | float) else str(value)


def _verb(parts: Sequence[Planned]) -> Verb:
    model = one(parts, "TunedModel")
    op = model.op if model else Op.UPDATE
    return {Op.CREATE: Verb.NEW, Op.DELETE: Verb.REMOVED}.get(op, Verb.CHANGED)


def _training(job: Planned | None, said: Mapping[str, list[str]]) -> Training:
    if job is None or job.after is None or job.op not in (Op.CREATE, Op.REPLACE):
        return Training.NO
    if job.after.get("adopt_job") or any(used_of(line) for line in said.get(job.urn, ())):
        return Training.REUSED
    return Training.FIRST if job.op is Op.CREATE else Training.AGAIN


def _downtime(parts: Sequence[Planned], said: Mapping[str, list[str]]) -> Downtime:
    endpoint, deployed = one(parts, "Endpoint"), one(parts, "DeployedModel")
    if deployed is not None and deployed.op is Op.DELETE:
        return Downtime.ENDS
    if _renamed(endpoint):
        return Downtime.MOVES
    if deployed is not None and GAP in said.get(deployed.urn, ()):
        return Downtime.GAP
    if deployed is None or deployed.op in (Op.SAME, Op.UPDATE):
        return Downtime.NONE if deployed or _verb(parts) is not Verb.NEW else Downtime.NOT_SERVED
    if deployed.op is Op.CREATE:
        return Downtime.STARTS
    return Downtime.GAP if (deployed.after or {}).get("rollout") == "recreate" else Downtime.TAKEN_OVER


def _renamed(endpoint: Planned | None) -> bool:
    if endpoint is None or endpoint.before is None or endpoint.after is None:
        return False
    names = ("project", "region", "endpoint_id")
    return any(endpoint.before.get(name) != endpoint.after.get(name) for name in names)


def _errors(preview: Preview) -> tuple[str, ...]:
    """The errors, one line each, without the engine's summary."""
    lines = (
        _line(line) for d in preview.diagnostics if d.severity == "error" for line in d.message.splitlines()
    )
    return tuple(dict.fromkeys(line for line in lines if line and "unhandled error occurred" not in line))


def _complete(preview: Preview) -> bool:
    """Whether the preview includes unchanged resources, or the stack was empty."""
    shown = any(step.op == Op.SAME and step.urn.split("::")[2] == COMPONENT for step in preview.steps)
    before = [step.old_state for step in preview.steps if step.urn.split("::")[2] == STACK]
    return shown or not any(state is not None and state.outputs for state in before)


def _said(preview: Preview) -> dict[str, list[str]]:
    """Messages per resource, without errors."""
    found: dict[str, list[str]] = {}
    for diagnostic in preview.diagnostics:
        if diagnostic.severity != "error" and diagnostic.urn:
            found.setdefault(diagnostic.urn, []).append(_line(diagnostic.message))
    return found


def _line(text: str) -> str:
    return " ".join(_COLOURS.sub("", text).split()).removeprefix("error: ").removeprefix("warning: ")
