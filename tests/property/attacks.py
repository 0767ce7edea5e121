"""Somebody writes claims into the bucket between the commands of a stack's owner, on the fake or over HTTP."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from hypothesis import strategies as st

from tests.property.claims import GARBAGE, edited, edits, fields
from tests.support.declared import BUCKET, OUTPUT, PROJECT, REGION
from tests.support.mini_engine import MiniEngine, Ran
from vertex_tuning import names
from vertex_tuning.vertex.errors import VertexError

Command = Callable[[], Ran | None]
COMMANDS = ("destroy", "edit", "refresh", "up")
THEIRS = {names.OWNER_LABEL: names.label_of("acme/prod/tickets")}


class World(Protocol):
    """A bucket, and what in the project is not the stack's.

    Attributes:
        names: full names of what is others', for claims to name.
        models: full names of others' models, of those that are deployed and of others.
        endpoint: the full name of another's endpoint.
        job: the full name of another's job that runs.
    """

    names: list[str]
    models: list[str]
    endpoint: str
    job: str

    def claims(self) -> list[str]: ...

    def content(self, uri: str) -> bytes: ...

    def put(self, uri: str, content: bytes) -> None: ...

    def remove(self, uri: str) -> None: ...

    def look(self) -> object:
        """All that is not the stack's, as it is now."""

    def sleep(self, seconds: float) -> None: ...


def commands(engine: MiniEngine, plan: Any, other_plan: Any) -> dict[str, Command]:
    """What the owner of the stack types."""
    return {
        "refresh": lambda: engine.refresh(),
        "up": lambda: engine.up(plan),
        "edit": lambda: engine.up(other_plan),
        "destroy": engine.destroy,
    }


class Step(NamedTuple):
    """One write into the folder of claims, and what the owner types then.

    Attributes:
        kind: what is written: other fields, no claim at all, nothing instead of a claim, or a new claim.
        which: the number of the claim, or of the model of others that an invented one names.
        about: the kind of resource that an invented claim is about.
        fields: of the claim that is written.
        garbage: what is written instead of a claim.
        command: what is typed.
    """

    kind: str
    which: int
    about: str
    fields: dict[str, Any]
    garbage: bytes
    command: str


@st.composite
def steps_drawn(draw: st.DrawFn, count: int, strategies: dict[str, st.SearchStrategy[Any]]) -> list[Step]:
    """Steps that hang on nothing outside, so that an example is the same each time; the last one destroys."""
    steps = []
    for number in range(count):
        kind = draw(st.sampled_from(["edit a claim", "scribble", "remove", "invent"]))
        invents = kind == "invent"
        writes = kind == "edit a claim" or (invents and draw(st.booleans()))
        steps.append(
            Step(
                kind,
                draw(st.integers(0, 59)),
                draw(st.sampled_from(["TuningJob", "DeployedModel", "Endpoint"])) if invents else "",
                draw(edits(strategies)) if writes else {},
                draw(GARBAGE) if kind == "scribble" else b"",
                "destroy" if number == count - 1 else draw(st.sampled_from(COMMANDS)),
            )
        )
    return steps


def play(
    data: st.DataObject,
    world: World,
    engine: MiniEngine,
    typed: dict[str, Command],
    steps: int,
    owner: str = "tests/dev/tickets",
) -> Counter[str]:
    """Attacks and commands in turn, with a look at the others' after each; counts both."""
    tally: Counter[str] = Counter()
    seen = world.look()
    tokens = [str(entry.outputs.get("token") or "") for entry in engine.state]
    owners = [owner, "tests/prod/tickets", "acme/prod/tickets", ""]
    for step in data.draw(steps_drawn(steps, fields(world.names, owners, [*tokens, "c0ffee"]))):
        attack(step, world, owner)
        ran = None
        with suppress(VertexError):  # a refresh ends at the first; anything else is a traceback
            ran = typed[step.command]()
        if ran is not None:
            assert not any("\n" in text or "\x1b" in text for text in ran.failed.values()), ran.failed
        world.sleep(30)
        tally[f"{step.kind}, {step.command}"] += 1
        assert world.look() == seen, step
    return tally


def attack(step: Step, world: World, owner: str) -> None:
    """One write into the folder of claims."""
    there = world.claims()
    if step.kind == "invent" or not there:
        key, said = invented(step, world, owner)
        world.put(f"{OUTPUT}/.claims/{key}.json", edited(b"", {**said, **step.fields}))
        return
    uri = there[step.which % len(there)]
    if step.kind == "remove":
        world.remove(uri)
    elif step.kind == "scribble":
        world.put(uri, step.garbage)
    else:
        world.put(uri, edited(world.content(uri), step.fields))


def invented(step: Step, world: World, owner: str) -> tuple[str, dict[str, Any]]:
    """The key and the fields of a claim on something of others."""
    said: dict[str, Any] = {"owner": owner, "reads": f"gs://{BUCKET}/theirs"}
    match step.about:
        case "Endpoint":
            return f"Endpoint/{world.endpoint}", {**said, "resource": world.endpoint}
        case "DeployedModel":
            model = world.models[step.which % len(world.models)].rsplit("/", 1)[1]
            return f"{names.claims_of_models(PROJECT, REGION)}/{model}", said
    return "TuningJob/forged", {**said, "id": "c0ffee", "resource": world.job}


def steps_of(tallies: Sequence[Counter[str]]) -> tuple[int, dict[str, int]]:
    """How many steps were played, and how many of each kind."""
    total = sum(tallies, Counter[str]())
    return total.total(), dict(total)
