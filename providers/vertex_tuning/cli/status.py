"""The command that shows how far each service of a stack is."""

from __future__ import annotations

import enum
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.live import Live
from rich.table import Table

from ..engine import stacks_here
from ..pricing import Book, Money, find_book
from ..pricing.money import span
from ..vertex import Vertex, connect
from ..vertex.client import Endpoint, Job, JobState
from ..vertex.errors import VertexError
from . import states, ui

AT_ONCE = 16


class Stage(enum.StrEnum):
    """How far a service is."""

    PREPARING = "preparing"
    QUEUED = "queued"
    TUNING = "tuning"
    TUNED = "tuned"
    DEPLOYING = "deploying"
    SERVING = "serving"
    FAILED = "failed"
    LOST = "lost"


class Service(msgspec.Struct, frozen=True):
    """A service in the stack's state: the values of each kind of resource, and the kinds under way."""

    name: str
    kinds: Mapping[str, Mapping[str, Any]]
    under_way: frozenset[str]

    def value(self, key: str, *kinds: str) -> str:
        """The first of these kinds' values that is set."""
        found = (str(self.kinds.get(kind, {}).get(key) or "") for kind in kinds)
        return next(filter(None, found), "")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One service as it is now; ``traffic`` is in per cent by deployed model."""

    service: str
    phase: Stage
    progress: str = ""
    job: str = ""
    model: str = ""
    traffic: Mapping[str, int] = {}
    endpoint: str = ""
    hourly: str = ""


def status(
    stack: Annotated[
        str,
        typer.Argument(help="The stack, as `pulumi stack ls` names it.", autocompletion=stacks_here),
    ],
    *,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on until Ctrl-C.")] = False,
    every: Annotated[int, typer.Option(min=2, help="With --watch: seconds between two looks.")] = 10,
    prices: Annotated[
        Path | None, typer.Option(help="The price book.", show_default="prices.json, if it exists")
    ] = None,
    json_output: ui.Json = False,
) -> None:
    """Show phase, progress, model, endpoint and hourly cost of each service of a stack.

    Reads the stack's state and the live service, in a project's folder. It changes nothing and takes no
    lock, so it works while `pulumi up` runs elsewhere.
    """
    if watch and json_output:
        raise typer.BadParameter("prints one result; leave out --watch", param_hint="--json")
    try:
        book = find_book(prices, Path())
    except ValueError as error:
        ui.fail(str(error))
    look = partial(_rows, stack, connect(), book)
    if json_output:
        ui.show_json({"stack": stack, "services": look()})
    elif watch:
        _watch(lambda: _table(stack, look()), every)
    else:
        ui.screen().print(_table(stack, look()))


def _watch(look: Any, every: int) -> None:
    screen = ui.screen()
    if not screen.is_terminal:
        shown = None
        while True:
            table = look()
            text = [list(column.cells) for column in table.columns]
            if text != shown:
                screen.print(table)
            shown = text
            time.sleep(every)
    with Live(console=screen, auto_refresh=False) as live:
        while True:
            live.update(look(), refresh=True)
            time.sleep(every)


def _rows(stack: str, vertex: Vertex, book: Book) -> list[Row]:
    found = services(states.of_stack(stack))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda each: row(vertex, each, book, time.time()), found))


def services(state: states.Deployment) -> list[Service]:
    """The services of a state, by name; what is being made or changed has its new inputs already."""
    values: dict[str, dict[str, Mapping[str, Any]]] = {}
    for each in state.resources or ():
        if each.service and not each.delete:
            values.setdefault(each.service, {})[each.kind] = {**(each.inputs or {}), **(each.outputs or {})}
    under_way: dict[str, set[str]] = {}
    for pending in state.pending_operations or ():
        each = pending.resource
        if each.service:
            under_way.setdefault(each.service, set()).add(each.kind)
            before = values.setdefault(each.service, {}).get(each.kind, {})
            values[each.service][each.kind] = {**before, **(each.inputs or {})}
    return [Service(name, values[name], frozenset(under_way.get(name, ()))) for name in sorted(values)]


def row(vertex: Vertex, service: Service, book: Book, now: float) -> Row:
    """A service as its state and the live service show it; what cannot be read live is named."""
    name = service.value("job", "TunedModel", "TuningJob")
    endpoint_name = service.value("endpoint", "DeployedModel", "Endpoint")
    unread, job, endpoint = "", None, None
    try:
        job = vertex.jobs.get(name) if name else None
        endpoint = vertex.serving.endpoint(endpoint_name) if endpoint_name else None
    except VertexError as error:
        unread = f"not checked: {error}"
    deployed = endpoint.deployed if endpoint is not None else ()
    phase = stage(service, job, None if unread else endpoint)
    return Row(
        service=service.name,
        phase=phase,
        progress=unread or _progress(vertex, service, phase, job, now),
        job=name,
        model=_largest(endpoint),
        traffic={each.model: endpoint.traffic.get(each.id, 0) for each in deployed} if endpoint else {},
        endpoint=endpoint_name if endpoint is not None or unread else "",
        hourly=_hourly(book, endpoint),
    )


def stage(service: Service, job: Job | None, endpoint: Endpoint | None) -> Stage:
    """How far a service is, from its state, its live tuning job and its live endpoint."""
    # Pulumi comes with the resources: no other command waits for it.
    from ..lifecycle import Phase

    if job is not None and job.state in _OF_JOB:
        return _OF_JOB[job.state]
    if "DeployedModel" in service.under_way:
        return Stage.DEPLOYING
    phases = {kind: str(values.get("phase") or "") for kind, values in service.kinds.items()}
    ended = [phase for phase in phases.values() if phase in (Phase.FAILED, Phase.LOST)]
    if ended:
        return Stage(ended[0])
    if phases.get("DeployedModel"):
        there = endpoint is None or endpoint.deployed
        return Stage.SERVING if phases["DeployedModel"] == Phase.READY and there else Stage.DEPLOYING
    tuned = phases.get("TunedModel") == Phase.READY or (job is not None and job.state.ended)
    return Stage.TUNED if tuned else Stage.PREPARING


_OF_JOB = {
    JobState.WAITING: Stage.QUEUED,
    JobState.RUNNING: Stage.TUNING,
    JobState.UNKNOWN: Stage.TUNING,
    JobState.FAILED: Stage.FAILED,
    JobState.CANCELLED: Stage.FAILED,
}


def _progress(vertex: Vertex, service: Service, phase: Stage, job: Job | None, now: float) -> str:
    if phase is Stage.TUNING and job is not None:
        from ..resources._tuning import progress

        losses = None
        with suppress(VertexError):  # the experiment may be closed to this caller
            losses = vertex.jobs.losses(job.experiment) if job.experiment else None
        pace = progress.pace(job)
        left = pace.left(now) if pace is not None else ""
        return ", ".join(filter(None, (progress.running(job, losses), left)))
    if phase is Stage.FAILED and job is not None and job.state in _OF_JOB:
        return job.reason or job.state.value
    if phase in (Stage.SERVING, Stage.TUNED):
        return ""
    kinds = sorted(service.under_way) or ["DeployedModel", "TunedModel", "TuningJob", "Readiness"]
    return service.value("reason", *kinds)


def _largest(endpoint: Endpoint | None) -> str:
    """The model that most of the traffic goes to."""
    if endpoint is None or not endpoint.deployed:
        return ""
    return max(endpoint.deployed, key=lambda each: endpoint.traffic.get(each.id, 0)).model


def _hourly(book: Book, endpoint: Endpoint | None) -> str:
    if endpoint is None or not endpoint.deployed:
        return ""
    from ..resources.deployed_model.costs import of_deployed

    each = [of_deployed(book, endpoint.name, one) for one in endpoint.deployed]
    low, high = (sum((ends[index] for ends in each), Money()) for index in (0, 1))
    return span((low, high), book.currency, brief=True)


def _table(stack: str, rows: Iterable[Row]) -> Table:
    table = ui.table(stack, "service", "phase", "progress", "model", "endpoint", "an hour")
    for each in rows:
        shares = [f"{_last(model)} {share} %" for model, share in each.traffic.items() if share]
        model = shares if len(shares) > 1 else [_last(each.model)]
        table.add_row(
            each.service, each.phase, each.progress, "\n".join(model), _last(each.endpoint), each.hourly
        )
    return table


def _last(name: str) -> str:
    """A full name's last part."""
    return name.rsplit("/", 1)[-1]


COMMAND = ui.Command(
    status,
    examples=(
        "vertex-tuning status search-dev",
        "vertex-tuning status search-dev --watch",
        "vertex-tuning status search-dev --json",
    ),
    exits={
        ui.Exit.OK: "shown",
        ui.Exit.FAILED: "there is no such stack, or its backend does not answer",
    },
)
