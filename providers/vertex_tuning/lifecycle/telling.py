"""How a failure reaches the user: one line with where, what and why."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pulumi.dynamic import CheckFailure
from pydantic import ValidationError

from .. import plain
from ..problems import problems_of
from ..vertex.connection import DETAILS, Connection
from ..vertex.errors import InvalidRequest, VertexError
from ..vertex.retry import Patience, outlasting
from . import process
from .external import ResourceInputs
from .process import Interrupted

HALF_DELETED = (
    ". The same command goes on with it, and `pulumi destroy` ends everything; to keep the service instead, "
    "type `pulumi up --refresh`, because the state does not say what is gone already"
)
"""What to type after a delete that failed: a plain ``pulumi up`` asks nobody about what looks settled."""


class Refusal(CheckFailure):
    """A check failure of a property; the engine shows its text, which is made harmless."""

    def __init__(self, property_: str, reason: str) -> None:
        super().__init__(property_, plain.lines(reason, begins=False))


@contextmanager
def told(kind: str, inputs: ResourceInputs, mend: str = "") -> Iterator[None]:
    """One line for the user: where, what, why. Google's own error is the cause, shown on request.

    A service that does not answer is waited for meanwhile, and the resource's row says so.
    """
    try:
        with outlasting(_patience(inputs)):
            yield
    except VertexError as error:
        said = str(error).rstrip(".") if mend else str(error)
        told = type(error)(f"service {inputs.service}, {kind}: {said}{mend}")
        raise told from (error if os.environ.get(DETAILS) else None)


def _patience(inputs: ResourceInputs) -> Patience:
    def say(text: str) -> None:
        process.say(inputs.urn, text, passing=True)

    return Patience(Connection.from_environment().outage_seconds, process.EngineClock(), say)


@contextmanager
def stopped(running_cost: Callable[[], str]) -> Iterator[None]:
    """What an interrupt leaves, what that costs, and what to type next."""
    try:
        yield
    except Interrupted as stopped:
        cost = (
            f"It continues without pulumi, and {running_cost()}"
            if stopped.under_way
            else "Nothing that costs money is running"
        )
        raise Interrupted(
            f"stopped waiting: {stopped}. {cost}. `pulumi up` waits for it again, `pulumi destroy` ends it"
        ) from None


@contextmanager
def in_words(kind: str, model: type[ResourceInputs], props: Mapping[str, Any]) -> Iterator[None]:
    """The same for values that make no inputs.

    Raises:
        InvalidRequest: Pydantic refused them.
    """
    try:
        yield
    except ValidationError as error:
        found = "; ".join(map(str, problems_of(error, model)))
        refused = InvalidRequest(f"service {props.get('service')}, {kind}: {found}")
        raise refused from (error if os.environ.get(DETAILS) else None)
