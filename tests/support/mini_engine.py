"""Pulumi's engine in miniature: what it does to provider objects, in its order, without its process.

It holds to what was measured on the real one: `diff` gets old outputs, a replacement is made before
the old one is deleted (unless the diff says otherwise), deletes come last and only if nothing failed,
the state is written after a call returns, numbers arrive as floats, and a resource whose dependency
failed is left alone. A crash loses the result of the call under way and nothing else.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.command import one_command
from vertex_tuning.lifecycle import Provider
from vertex_tuning.plan import ServicePlan
from vertex_tuning.resources import PROVIDERS
from vertex_tuning.vertex.errors import VertexError

Json = dict[str, Any]


@dataclass(frozen=True)
class Declared:
    """One resource of a program."""

    name: str
    provider: Provider[Any]
    inputs: Json
    after: tuple[str, ...]


@dataclass
class Entry:
    """One resource in the state; `pending` once something has taken its place."""

    name: str
    provider: Provider[Any]
    id: str
    inputs: Json
    outputs: Json
    pending: bool = False


@dataclass
class Ran:
    """What one command did: `made`, `changed`, `deleted` by name; `failed` with the error's text."""

    made: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.failed

    @property
    def quiet(self) -> bool:
        return not (self.made or self.changed or self.deleted or self.failed)


def program(plan: ServicePlan) -> Iterator[Declared]:
    """The resources of a service, in the order and with the dependencies of `TunedModelService`."""
    declared = plan.declared
    for provider in PROVIDERS:
        for part in provider.parts:
            if part.name in declared:
                yield Declared(part.name, provider(), declared[part.name], part.after)


def wired(inputs: Mapping[str, Any] | None) -> Json:
    """Inputs as they reach a provider: JSON, with floats for every number."""
    found: Json = json.loads(json.dumps(inputs), parse_int=float)
    return found


def previewed(plan: ServicePlan) -> None:
    """A preview of a service that is not there yet."""
    for wanted in program(plan):
        checked = wanted.provider.check({}, wired(wanted.inputs))
        assert not checked.failures, checked.failures


class MiniEngine:
    """One stack: its state, and what `pulumi` does with it."""

    def __init__(self) -> None:
        self.state: list[Entry] = []

    def live(self, name: str) -> Entry | None:
        """The resource of this name, without what only waits to be deleted."""
        return next((entry for entry in self.state if entry.name == name and not entry.pending), None)

    def outputs(self, name: str) -> Json:
        """The outputs of a resource that is there."""
        found = self.live(name)
        assert found is not None, f"{name} is not in the state"
        return found.outputs

    @one_command()
    def up(self, plan: ServicePlan, *, replace: tuple[str, ...] = ()) -> Ran:
        """Bring the state to the plan; `replace` names resources that are to be made anew."""
        ran, declared = Ran(), list(program(plan))
        for wanted in declared:
            if any(name in ran.failed for name in wanted.after):
                ran.failed[wanted.name] = "not reached"
                continue
            try:
                self._bring(wanted, ran, anew=wanted.name in replace)
            except VertexError as error:
                ran.failed[wanted.name] = f"{type(error).__name__}: {error}"
        if ran.ok:
            names = {wanted.name for wanted in declared}
            self._delete([entry for entry in self.state if entry.pending or entry.name not in names], ran)
        return ran

    @one_command()
    def destroy(self) -> Ran:
        """Delete everything, dependents first."""
        ran = Ran()
        self._delete(list(self.state), ran)
        return ran

    @one_command()
    def refresh(self) -> None:
        """Read everything back."""
        for entry in self.state:
            if not entry.pending:
                entry.outputs = wired(entry.provider.read(entry.id, dict(entry.outputs)).outs)

    def _bring(self, wanted: Declared, ran: Ran, *, anew: bool) -> None:
        news, old = wired(wanted.inputs), self.live(wanted.name)
        if old is not None and anew:
            # `--replace` and `taint` are decided without asking the provider.
            self._replace(wanted, news, old, ran, first=False)
            return
        checked = wanted.provider.check(dict(old.inputs) if old else {}, news)
        if checked.failures:
            ran.failed[wanted.name] = "; ".join(failure.reason for failure in checked.failures)
        elif old is None:
            self._create(wanted, news, ran)
        else:
            diff = wanted.provider.diff(old.id, dict(old.outputs), dict(news))
            if diff.replaces:
                self._replace(wanted, news, old, ran, first=bool(diff.delete_before_replace))
            elif diff.changes:
                outputs = wanted.provider.update(old.id, dict(old.outputs), dict(news)).outs
                old.outputs, old.inputs = wired(outputs), news
                ran.changed.append(wanted.name)

    def _replace(self, wanted: Declared, news: Json, old: Entry, ran: Ran, *, first: bool) -> None:
        if failures := wanted.provider.check({}, news).failures:
            ran.failed[wanted.name] = "; ".join(failure.reason for failure in failures)
            return
        if first:
            old.provider.delete(old.id, dict(old.outputs))
            self.state.remove(old)
            ran.deleted.append(old.name)
            self._create(wanted, news, ran)
        else:
            at = self.state.index(old)
            self._create(wanted, news, ran)
            assert self.state[at] is old
            old.pending = True

    def _create(self, wanted: Declared, news: Json, ran: Ran) -> None:
        made = wanted.provider.create(dict(news))
        self.state.append(Entry(wanted.name, wanted.provider, made.id, news, wired(made.outs)))
        ran.made.append(wanted.name)

    def _delete(self, entries: list[Entry], ran: Ran) -> None:
        for entry in sorted(entries, key=self._depth, reverse=True):
            try:
                entry.provider.delete(entry.id, dict(entry.outputs))
            except VertexError as error:
                ran.failed[entry.name] = f"{type(error).__name__}: {error}"
                return
            self.state.remove(entry)
            ran.deleted.append(entry.name)

    @staticmethod
    def _depth(entry: Entry) -> int:
        order = [part.name for provider in PROVIDERS for part in provider.parts]
        return order.index(entry.name)
