"""Faults on demand: tests say which call goes wrong, and how.

A rule matches by method and path; it counts what it matches and acts from the `nth` match on, `times` times.
"""

import re
import signal
from typing import Literal

import msgspec

from vertex_emulator.store.operations import OperationFault

When = Literal["before", "after"]


class _Action(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    pass


class FailBefore(_Action, frozen=True, tag="fail_before"):
    """Answer with an error status; the call has no effect. ``retry_after`` is the header's, in seconds."""

    status: int = 503
    message: str = "The service is currently unavailable."
    retry_after: int | None = None


class FailAfter(_Action, frozen=True, tag="fail_after"):
    """Let the call have its effect, then answer with an error status."""

    status: int = 503
    message: str = "The service is currently unavailable."


class LoseResponse(_Action, frozen=True, tag="lose_response"):
    """Let the call have its effect, then close the connection without an answer."""


class OddAnswer(_Action, frozen=True, tag="odd_answer"):
    """Let the call have its effect or not, then answer 200 with this body in place of its own."""

    body: str = ""
    content_type: str = "application/json"
    effect: bool = True


class Hang(_Action, frozen=True, tag="hang"):
    """Wait before the call has its effect, or after it; the effect comes though the client gives up."""

    seconds: float = 1.0
    when: When = "before"


class Lag(_Action, frozen=True, tag="lag"):
    """A list call does not show what is younger than this."""

    seconds: float = 1.0


class OperationFails(_Action, frozen=True, tag="operation_failure"):
    """The operation that the call starts ends in an error after some of its steps had their effect."""

    code: int = 13
    message: str = "Internal error occurred."
    after_steps: int = 0


class JobFails(_Action, frozen=True, tag="job_failure"):
    """The tuning job that the call starts fails with this message when it should begin to train."""

    code: int = 13
    message: str = "Internal error occurred."


class JobEndsInPart(_Action, frozen=True, tag="job_partial"):
    """The tuning job that the call starts trains and ends as PARTIALLY_SUCCEEDED, with some of its output."""

    code: int = 13
    message: str = "Internal error occurred."
    weights: Literal["all", "checkpoints", "none"] = "all"
    """Whether its last weights are there, only the intermediate ones, or none."""


class Signal(_Action, frozen=True, tag="signal"):
    """Send a signal to a process when the call arrives or after its effect; loopback clients only."""

    pid: int
    signal: str = "SIGKILL"
    when: When = "after"

    def __post_init__(self) -> None:
        if self.pid <= 1:
            raise ValueError("pid must name one process")
        if self.signal not in signal.Signals.__members__:
            raise ValueError(f"there is no signal {self.signal}")


Action = (
    FailBefore
    | FailAfter
    | LoseResponse
    | OddAnswer
    | Hang
    | Lag
    | OperationFails
    | JobFails
    | JobEndsInPart
    | Signal
)


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which calls go wrong: `path` is a regular expression that is searched for in `/path?query`."""

    path: str
    action: Action
    method: str | None = None
    nth: int = 1
    times: int | None = 1
    """How often it acts; None for ever."""

    def __post_init__(self) -> None:
        try:
            re.compile(self.path)
        except re.error as error:
            raise ValueError(f"path is no regular expression: {error}") from None
        if self.nth < 1 or (self.times is not None and self.times < 1):
            raise ValueError("nth and times count from 1")


class RuleState(msgspec.Struct):
    """A rule and how many calls it has matched."""

    rule: Rule
    matched: int = 0


class CallFaults(msgspec.Struct, frozen=True):
    """What is to go wrong with one call."""

    actions: tuple[Action, ...] = ()

    @property
    def lag_s(self) -> float:
        """Seconds by which a list is behind."""
        return max((a.seconds for a in self.actions if isinstance(a, Lag)), default=0.0)

    @property
    def operation(self) -> OperationFault | None:
        """How the operation that this call starts is to fail."""
        for action in self.actions:
            if isinstance(action, OperationFails):
                return OperationFault(action.code, action.message, action.after_steps)
        return None

    @property
    def job(self) -> JobFails | JobEndsInPart | None:
        """How the tuning job that this call starts is to end."""
        return next((a for a in self.actions if isinstance(a, JobFails | JobEndsInPart)), None)


class FaultBook:
    """The rules in force."""

    def __init__(self) -> None:
        self._states: list[RuleState] = []

    def replace(self, rules: tuple[Rule, ...]) -> None:
        """Put these rules in force, with their counts at nought, instead of all others."""
        self._states = [RuleState(rule) for rule in rules]

    def add(self, rules: tuple[Rule, ...]) -> None:
        """Put more rules in force."""
        self._states += [RuleState(rule) for rule in rules]

    def states(self) -> list[RuleState]:
        """The rules in force with their counts."""
        return self._states

    def match(self, method: str, target: str) -> CallFaults:
        """Count a call and say what is to go wrong with it. `target` is the path with its query."""
        actions = []
        for state in self._states:
            rule = state.rule
            if (rule.method is None or rule.method == method) and re.search(rule.path, target):
                state.matched += 1
                if state.matched >= rule.nth and (
                    rule.times is None or state.matched < rule.nth + rule.times
                ):
                    actions.append(rule.action)
        return CallFaults(tuple(actions))
