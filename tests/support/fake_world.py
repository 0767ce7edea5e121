"""The ground under the fakes: a clock that only waiting moves, calls that can go wrong, operations."""

import fnmatch
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from vertex_tuning.vertex.client import Operation
from vertex_tuning.vertex.errors import AlreadyExists, VertexError

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


class Crash(BaseException):
    """The provider's process ends here: nothing in the plugin may catch it."""


class Clock:
    """Stands for the module ``time``; only sleeping and tests move it."""

    def __init__(self) -> None:
        self.at = 1_800_000_000.0

    def time(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float, /) -> None:
        self.at += seconds


@dataclass
class Fault:
    """From the `nth` call that matches on, `times` calls end in `error`: before or after their effect."""

    call: str
    error: BaseException
    after: bool = False
    nth: int = 1
    times: int | None = 1
    matched: int = 0

    def strikes(self, call: str) -> bool:
        if not fnmatch.fnmatchcase(call, self.call):
            return False
        self.matched += 1
        return self.matched >= self.nth and (self.times is None or self.matched < self.nth + self.times)


@dataclass
class OperationFault:
    """The next operation that `call` starts ends so, after that many of its steps had their effect."""

    call: str
    code: int
    message: str = "it broke half-way"
    after_steps: int = 0


@dataclass
class Step:
    """One effect of an operation, and the seconds before it."""

    effect: Callable[[], None]
    seconds: float


@dataclass
class Running:
    """An operation with the steps that are still to come; it holds names until it is done."""

    name: str
    steps: list[Step]
    due: float
    holds: tuple[str, ...]
    fault: OperationFault | None
    taken: int = 0
    done: bool = False
    error_code: int = 0
    error_message: str = ""
    endpoint: str = ""
    model: str = ""
    begun: float = 0.0
    ended: float = 0.0

    @property
    def seen(self) -> Operation:
        well = self.done and not self.error_code
        return Operation(
            name=self.name,
            done=self.done,
            error_code=self.error_code,
            error_message=self.error_message,
            endpoint=self.endpoint if well else "",
            model=self.model if well else "",
            lasted=max(self.ended - self.begun, 0.0),
        )


# The numbers that failed operations carry for the classes of refusals.
CODES = {"InvalidRequest": 9, "NotFound": 5, "AlreadyExists": 6, "QuotaExceeded": 8}


@dataclass
class World:
    """What all fakes share. Times are in seconds of the clock."""

    clock: Clock = field(default_factory=Clock)
    faults: list[Fault] = field(default_factory=list)
    operation_faults: list[OperationFault] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    running: dict[str, Running] = field(default_factory=dict)
    moving: list[Callable[[], None]] = field(default_factory=list)
    operation_seconds: float = 3.0
    deploy_seconds: float = 25.0
    ids: int = 10**18

    def new_id(self) -> str:
        self.ids += 1
        return str(self.ids)

    @contextmanager
    def call(self, name: str) -> Iterator[None]:
        """One call: what is due happens first, and what is to go wrong does."""
        self.calls.append(name)
        self.advance()
        struck = [fault for fault in self.faults if fault.strikes(name)]
        for fault in struck:
            if not fault.after:
                raise _fresh(fault.error)
        yield
        for fault in struck:
            raise _fresh(fault.error)

    def held(self, name: str) -> bool:
        """Whether an operation under way is going to make something of this name."""
        return any(name in operation.holds for operation in self.running.values() if not operation.done)

    def begin(
        self,
        call: str,
        parent: str,
        steps: list[Step],
        holds: tuple[str, ...] = (),
        endpoint: str = "",
        model: str = "",
    ) -> str:
        """Start an operation that answers with these names in the end; gives its own."""
        for name in holds:
            if self.held(name):
                raise AlreadyExists(f"{name} already exists.")
        fault = next((fault for fault in self.operation_faults if fault.call == call), None)
        if fault is not None:
            self.operation_faults.remove(fault)
        name = f"{parent}/operations/{self.new_id()}"
        now = self.clock.time()
        due = now + steps[0].seconds
        self.running[name] = Running(
            name, steps, due, holds, fault, endpoint=endpoint, model=model, begun=now
        )
        self.advance()
        return name

    def advance(self) -> None:
        """Let the time that has gone by have its effect: on jobs, and on operations step by step."""
        for move in self.moving:
            move()
        for operation in list(self.running.values()):
            while not operation.done and operation.due <= self.clock.time():
                _advance(operation)


def _advance(operation: Running) -> None:
    operation.ended = operation.due
    fault = operation.fault
    if fault is not None and operation.taken >= fault.after_steps:
        operation.done, operation.error_code, operation.error_message = True, fault.code, fault.message
        return
    try:
        operation.steps[operation.taken].effect()
    except VertexError as error:
        operation.done, operation.error_message = True, str(error)
        operation.error_code = CODES[type(error).__name__]
        return
    operation.taken += 1
    if operation.taken < len(operation.steps):
        operation.due += operation.steps[operation.taken].seconds
    elif fault is None or operation.taken < fault.after_steps:
        operation.done = True


def _fresh(error: BaseException) -> BaseException:
    """An error of its own for each call, so that no traceback and cause is shared."""
    return type(error)(*error.args)


class Served:
    """A fake service: its methods are calls in the world, named `KIND.METHOD`."""

    kind: str

    def __init__(self, world: World) -> None:
        self.world = world


Self_ = TypeVar("Self_", bound=Served)


def called(
    method: Callable[Concatenate[Self_, Given], Answer],
) -> Callable[Concatenate[Self_, Given], Answer]:
    """Count a method as a call."""

    @wraps(method)
    def counted(self: Self_, /, *args: Given.args, **kwargs: Given.kwargs) -> Answer:
        with self.world.call(f"{self.kind}.{method.__name__}"):
            return method(self, *args, **kwargs)

    return counted


def canonical(name: str) -> str:
    """A resource name with the project's number in place of its id, as Vertex AI answers."""
    head, project, *rest = name.split("/")
    return "/".join((head, number_of(project), *rest))


def number_of(project: str) -> str:
    """A project's number; a number is its own."""
    if project.isdigit():
        return project
    return str(10**11 + int(hashlib.sha256(project.encode()).hexdigest()[:8], 16))
