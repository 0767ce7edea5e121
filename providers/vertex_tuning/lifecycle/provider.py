"""The one bridge to Pulumi's ``ResourceProvider``."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as LookTimeout
from contextlib import suppress
from functools import cache
from threading import Lock
from typing import Any, ClassVar, Generic, TypeVar

import msgspec
from pulumi.dynamic import (
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)
from pulumi.output import Unknown
from pydantic import ValidationError

from .. import plain
from ..problems import problems_of
from ..vertex import Connection, Vertex, connect
from ..vertex.claim import HeldClaim
from ..vertex.claims import Claims, contended
from ..vertex.errors import VertexError
from ..vertex.memo import anew, expected_absent
from ..vertex.view import View
from . import deadline, facts, process
from .changes import Change, Table, compare
from .external import Context, External, ResourceInputs
from .orphaned import Orphans
from .phases import Decision, Observation, Phase, decide
from .settle import settle
from .states import SCHEMA, SCHEMA_KEY, upgraded
from .taking import acquire
from .telling import HALF_DELETED, Refusal, in_words, stopped, told
from .written import parse_state

In = TypeVar("In", bound=ResourceInputs)
Answer = TypeVar("Answer")

PROVIDER_KEY = "__provider"
LOOK_SECONDS = 15.0
WRITE_PAUSE = 1.0
"""Seconds between two writes of one claim: Cloud Storage takes one a second."""
CLAIMS_FOR = 2.0
"""Seconds for which a claim counts as it was read, if looks in a wait do not come less often."""
_BUILDING = Lock()


class Provider(ResourceProvider, Generic[In]):
    """Create, read, update and delete of one kind, told by its inputs, change table and externals.

    Subclasses are named in users' states by module and class: renaming one strands old states.
    """

    serialize_as_secret_always = False

    kind: ClassVar[str]
    inputs: ClassVar[type[Any]]
    changes: ClassVar[Table]
    external: ClassVar[External[Any]]
    section: ClassVar[str | None]
    judged: ClassVar[facts.Judged]
    costs: ClassVar[facts.CostOf]
    calls: ClassVar[tuple[str, ...]]
    orphans: ClassVar[Orphans]
    # Its outputs that name what is outside, each with the collection it is in: jobs, endpoints, models.
    ids: ClassVar[tuple[tuple[str, str], ...]] = ()
    parts: ClassVar[tuple[facts.Part, ...]]
    # The class that programs use; it sets this itself.
    resource: ClassVar[type[Any]]
    # Inputs of every kind that a report takes from this one.
    reports: ClassVar[tuple[str, ...]] = ()
    # Outputs that only a look finds; the class that programs declare names them.
    found: ClassVar[tuple[str, ...]] = ()
    claimed: ClassVar[bool] = False
    # Whether others want the very same one: then nobody may join while it is undone.
    shared: ClassVar[bool] = False
    terminal: ClassVar[frozenset[Phase]] = frozenset({Phase.READY})
    # Whether what its deadline is about is over once it is ready.
    gate: ClassVar[bool] = True

    def __init_subclass__(cls, **named: object) -> None:
        super().__init_subclass__(**named)
        # States name the package of a kind, whichever of its files holds the class.
        cls.__module__ = cls.__module__.removesuffix(".kind")
        facts.check(cls, Provider)

    @classmethod
    def key_of(cls, name: str) -> str:
        """Where a stack file has an input, below its service; ``NOWHERE`` if it follows from another edit."""
        return facts.key_of(cls, name)

    @classmethod
    def claim_of(cls, _name: str, _owner: str) -> str:
        """What a claim of this kind is for, where no resource outside is; empty for nothing."""
        return ""

    @classmethod
    def is_there(cls, _vertex: Vertex, _name: str) -> bool:
        """Whether what a claim's key names is outside."""
        return False

    @classmethod
    def edits(
        cls, _before: Mapping[str, Any], _after: Mapping[str, Any]
    ) -> Iterator[tuple[str, Any, Any, Change]]:
        """Edits that no input of its own shows: key, value before and after, and the effect."""
        return iter(())

    def identity(self, inputs: In) -> str:
        """The resource's id in the state, and the key of its claim."""
        raise NotImplementedError

    def configure(self, _req: ConfigureRequest) -> None:
        """Set this process up; the engine calls it in the provider's process only."""
        process.prepare()

    def billing_line(self, _inputs: In) -> str:
        """One line about what creating this will bill; empty when it bills nothing."""
        return ""

    def untouched(self, _inputs: In) -> None:
        """Say what it means that a create has found everything as it is declared."""

    def running_cost(self, inputs: In) -> str:
        """What something bills that is under way while nobody waits for it."""
        return self.billing_line(inputs) or "bills nothing by itself"

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Refuse inputs that the same models refuse in the program; unknowns are left for later.

        Olds are empty when the resource is to be made, for the first time or anew: then, in preview
        and before money is spent, a message names the cost. Unchanged inputs of an earlier check
        are not checked again.
        """
        before, known = _without_provider(olds), _without_provider(news)
        if known == before:
            return CheckResult(news, [])
        if any(isinstance(value, Unknown) for value in known.values()):
            return CheckResult(news, [])
        try:
            inputs = self._validated(known)
        except ValidationError as error:
            return CheckResult(news, [Refusal(m.path, m.problem) for m in problems_of(error, self.inputs)])
        billing_line = "" if olds else self.billing_line(inputs)
        if billing_line:
            process.say(inputs.urn, billing_line)
        return CheckResult(news, [])

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """What an edit means; and for what is not settled, whether it can move on."""
        olds = upgraded(olds)
        changed = compare(self.changes, olds, news)
        if changed:
            return DiffResult(
                changes=True,
                replaces=list(changed.replacing),
                delete_before_replace=self.deletes_first(news) and bool(changed.replacing),
            )
        if Phase(olds.get("phase", Phase.READY)) in self.terminal:
            return DiffResult(changes=False)
        return DiffResult(changes=self._can_move(olds, news))

    def deletes_first(self, _news: Mapping[str, Any]) -> bool:
        """Whether a replacement deletes the old one before it makes the new one."""
        return False

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Claim, then bring it as far as it gets now."""
        inputs = self._parsed(props)
        with told(self.kind, inputs), stopped(lambda: self.running_cost(inputs)):
            context = msgspec.structs.replace(self._context(inputs), anew=True)
            token = uuid.uuid4().hex if self.claimed else ""
            held = self._taken(context, inputs, token) if self.claimed else None
            # Under a claim that was there before, something may have been made since it was looked at last.
            made_before = held is not None and held.claim.id != token
            try:
                with anew() if made_before else expected_absent():
                    extra = self.prepare(context, inputs)
                    seen = self._settled(context, inputs, held)
            except VertexError:
                # No state will know of the claim. The failure is what the user has to hear.
                with suppress(VertexError):
                    contended(lambda: self._withdraw(context, inputs, token))
                raise
            return CreateResult(self.identity(inputs), {**self._outputs(inputs, seen, token), **extra})

    def _withdraw(self, context: Context, inputs: In, token: str) -> None:
        """Leave the claim of a create that failed, unless it says how to find what was asked for."""
        held = self._held(context, inputs, token) if token else None
        if held is None:
            return
        if not held.ours or held.claim.waiters:
            context.claims.leave(held, token)
        elif self.made_nothing(context, inputs, held):
            context.claims.delete(held)

    def made_nothing(self, _context: Context, _inputs: In, held: HeldClaim) -> bool:
        """Whether a create that failed has certainly left nothing outside."""
        claim = held.claim
        return not (claim.resource or claim.operation or claim.failed or claim.unanswered)

    def _taken(self, context: Context, inputs: In, token: str) -> HeldClaim:
        def take() -> HeldClaim:
            return context.claims.take(self._key(inputs), inputs.owner, token)

        def finish(held: HeldClaim) -> None:
            worth = self.external.delete(context, inputs, held)
            (context.claims.release if worth else context.claims.delete)(held)

        return acquire(context, inputs.urn, self._key(inputs), take, finish)

    def prepare(self, _context: Context, _inputs: In) -> Mapping[str, Any]:
        """What has to be right before a create, and outputs that are found out only then."""
        return {}

    def bound_by(self, _inputs: In) -> str | None:
        """Key of the claim whose deadline holds for this, if one can."""
        return None

    def overdue(
        self, _context: Context, _inputs: In, _held: HeldClaim | None, _seen: Observation
    ) -> str | None:
        """End what is under way because its deadline has passed.

        Returns:
            What was done, as text; empty if nothing was running; ``None`` if it counts as
            ready and goes on.
        """
        raise NotImplementedError

    def take_back(self, context: Context, inputs: In, held: HeldClaim | None) -> None:
        """Undo what a failed step made, where leaving it would bill or block."""

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Look, and write down what is there now; what is gone stays, marked as such."""
        props = upgraded(props)
        inputs = self._written(props)
        with told(self.kind, inputs):
            context = self._context(inputs)
            token = str(props.get("token") or "")
            seen = self.external.observe(context, inputs, self._held(context, inputs, token))
            return ReadResult(id_, self._outputs(inputs, seen, token))

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Change what can be changed in place, then bring it as far as it gets now."""
        olds = upgraded(olds)
        inputs = self._parsed(news)
        with told(self.kind, inputs), stopped(lambda: self.running_cost(inputs)), anew():
            context = self._context(inputs)
            token, held = str(olds.get("token") or ""), None
            if self.claimed:
                held = self._held(context, inputs, token)
                if held is None or (not held.ours and held.claim.owner in ("", inputs.owner)):
                    token = uuid.uuid4().hex
                    held = self._taken(context, inputs, token)
            self.external.update(context, olds, inputs, held)
            seen = self._settled(context, inputs, held)
            return UpdateResult(self._outputs(inputs, seen, token))

    def _settled(self, context: Context, inputs: In, held: HeldClaim | None) -> Observation:
        """Bring it as far as it gets before its deadline, if it has one."""
        key = self.bound_by(inputs)
        due = deadline.due(context, key, inputs.owner) if key is not None else math.inf
        if key is None or due == math.inf:
            return self._brought(context, inputs, held)

        def bring(within: Context) -> Observation:
            return self._brought(within, inputs, context.claims.again(held) if held is not None else None)

        def end() -> str | None:
            current = context.claims.again(held) if held is not None else None
            seen = self.external.observe(context, inputs, current)
            done = self.overdue(context, inputs, current, seen) if seen.phase in deadline.UNSETTLED else None
            if self.gate or done is not None:
                deadline.lift(context, key, inputs.owner)
            return done

        seen = deadline.in_time(context, due, bring, end)
        if seen.phase is Phase.READY and self.gate:
            deadline.lift(context, key, inputs.owner)
        return seen

    def _brought(self, context: Context, inputs: In, held: HeldClaim | None) -> Observation:
        def say(text: str) -> None:
            process.say(inputs.urn, text, passing=True)

        def undo() -> None:
            # Report the first failure; what could not be undone is found again.
            with suppress(VertexError):
                current = self._held(context, inputs, held.claim.token if held else "")
                if current is None or current.ours:
                    self.take_back(context, inputs, current)

        def untouched() -> None:
            if context.anew:
                self.untouched(inputs)

        return settle(self.external, context, inputs, held, say, undo, untouched)

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """Undo, if it is ours and nobody else's too: the live claim carries our token, or there is none."""
        props = upgraded(props)
        inputs = self._written(props)
        with told(self.kind, inputs, HALF_DELETED), anew(again=False):
            context = self._to_delete(inputs)
            token = str(props.get("token") or "")
            if self.claimed and not token:
                return
            if not contended(lambda: self.left_to_others(context, inputs, token)):
                try:
                    worth = self.external.delete(context, inputs, self._held(context, inputs, token))
                except process.Interrupted as cut_off:
                    raise process.Interrupted(
                        f"stopped deleting: {cut_off}. What is not gone yet {self.running_cost(inputs)}"
                    ) from None
                contended(lambda: self._given_up(context, inputs, token, worth=worth))
            self.deleted(context, inputs, props, token)

    def deleted(self, _context: Context, _inputs: In, _before: Mapping[str, Any], _token: str) -> None:
        """What is left to do elsewhere once it is gone; ``_before`` are the last outputs."""

    def left_to_others(self, context: Context, inputs: In, token: str) -> bool:
        """Whether it is, or is now, somebody else's to undo."""
        held = self._held(context, inputs, token)
        if held is None:
            return False
        if held.ours and not held.claim.waiters:
            if self.shared:
                context.claims.end(held)
            return False
        context.claims.leave(held, token)
        if held.ours:
            first, *rest = (waiter.owner for waiter in held.claim.waiters)
            others = f", read by {', '.join(rest)} too" if rest else ""
            process.say(inputs.urn, f"kept: it is {first}'s from now on{others}")
        return True

    def _given_up(self, context: Context, inputs: In, token: str, *, worth: bool) -> None:
        """A delete may take minutes: only a claim that is still ours is touched after it."""
        held = self._held(context, inputs, token)
        if held is None or not held.ours:
            return
        if held.claim.waiters:
            context.claims.leave(held, token)
        else:
            (context.claims.release if worth else context.claims.delete)(held)

    def _can_move(self, olds: dict[str, Any], news: dict[str, Any]) -> bool:
        if news.get("wait", True):
            return True
        seen = self.look(olds, news)
        if seen is None:
            return False
        if seen.reason and seen.phase is not Phase.READY:
            process.say(str(news.get("urn", "")), seen.reason)
        waits = decide(seen.phase, wait=False) is Decision.SETTLED and seen.phase is not Phase.READY
        return not waits

    def look(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> Observation | None:
        """Run a preview check with a time limit; if it fails, warn and continue."""
        inputs, token = self._parsed(news), str(olds.get("token") or "")
        return self.asked(inputs, lambda context: self._looked(context, inputs, token))

    def asked(self, inputs: In, question: Callable[[Context], Answer]) -> Answer | None:
        """The result of a preview check; ``None``, with a warning, if it has no answer in time."""
        pool = ThreadPoolExecutor(max_workers=1)
        try:
            context = self._context(inputs)
            return pool.submit(lambda: question(context)).result(timeout=LOOK_SECONDS)
        except (VertexError, LookTimeout) as error:
            process.say(inputs.urn, f"not checked: {str(error) or 'no answer in time'}", warning=True)
            return None
        finally:
            pool.shutdown(wait=False)

    def _looked(self, context: Context, inputs: In, token: str) -> Observation:
        seen = self.external.observe(context, inputs, self._held(context, inputs, token))
        key = self.bound_by(inputs)
        return deadline.awaited(context, key, inputs.owner, seen) if key is not None else seen

    def _parsed(self, news: Mapping[str, Any]) -> In:
        """Inputs out of what is declared; an older version may have let through what this one refuses.

        Raises:
            InvalidRequest: they break a rule.
        """
        known = {key: news[key] for key in self.inputs.model_fields if news.get(key) is not None}
        with in_words(self.kind, self.inputs, news):
            return self._validated(known)

    def _written(self, props: Mapping[str, Any]) -> In:
        """Inputs out of a state, of this or an older version, whatever was read back into it.

        Raises:
            InvalidRequest: the state was edited into something that cannot be read.
        """
        with in_words(self.kind, self.inputs, props):
            inputs: In = parse_state(self.inputs, props)
        return inputs

    def _validated(self, known: Mapping[str, Any]) -> In:
        # Models are built when first used, which Pydantic does not do for several threads at once.
        with _BUILDING:
            self.inputs.model_rebuild()
        parsed: In = self.inputs.model_validate(known)
        return parsed

    def _outputs(self, inputs: In, seen: Observation, token: str) -> dict[str, Any]:
        declared = inputs.model_dump(mode="json", exclude_none=True)
        # An output that a state lacks is unknown in every preview.
        lacking = dict.fromkeys((name for name in self.found if name not in self.inputs.model_fields), "")
        live = {key: value for key, value in seen.live.items() if value is not None}
        said = {"phase": seen.phase.value, "reason": seen.reason, "token": token, SCHEMA_KEY: SCHEMA}
        return {**lacking, **declared, **plain.values({**live, **said})}

    def _to_delete(self, inputs: In) -> Context:
        """The same for a delete: a claim that cannot be read must not keep alive what bills."""
        context = self._context(inputs)
        return msgspec.structs.replace(context, claims=context.claims.lenient())

    def _context(self, inputs: In) -> Context:
        return context_for(inputs.output_uri)

    def _held(self, context: Context, inputs: In, token: str) -> HeldClaim | None:
        return context.claims.read(self._key(inputs), token) if self.claimed else None

    def _key(self, inputs: In) -> str:
        return f"{self.kind}/{self.identity(inputs).removeprefix('gs://')}"


def context_for(output_uri: str) -> Context:
    """Google as the environment names it, and the claims below a service's output folder."""
    connection = Connection.from_environment()
    vertex = _vertex(connection)
    return Context(
        vertex, Claims(vertex.storage, output_uri, process.warn), connection, process.EngineClock()
    )


@cache
def _vertex(connection: Connection) -> Vertex:
    """One view for all resources of this process, which is one command of the engine."""
    return View(
        connect(connection),
        max(connection.poll_seconds, CLAIMS_FOR),
        write_pause=WRITE_PAUSE if connection.endpoint is None else 0.0,
    )


def _without_provider(props: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in props.items() if key != PROVIDER_KEY}
