"""Failure classes: what Google answers, and what is done about it.

The code asks this table, and docs/failures.md shows it.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

from .errors import (
    AlreadyExists,
    InvalidRequest,
    NoCapacity,
    NotFound,
    NotSignedIn,
    PermissionMissing,
    QuotaExceeded,
    TooManyRequests,
    Transient,
    Unavailable,
    VertexError,
)


class Look(enum.StrEnum):
    """What follows when a look fails, or a write that does no harm twice."""

    AGAIN = "is tried again"
    OUTLASTS = "is tried again; while `pulumi up` or `destroy` acts, for `VERTEX_TUNING_OUTAGE_SECONDS`"
    ONCE = "fails at once"


class Step(enum.StrEnum):
    """What follows when a step that makes something is refused."""

    FAILS = "fails at once; the started step is undone"
    LINE = "a tuning waits in line; anything else fails at once"
    ASKS = "asks again with growing pauses for a stated time, then fails and names what would fit"
    LOOKS = "what it may have made is looked for, and asked for again if it is not there, for the same time"
    LEFT = "ends the run; the step may have been done, so it is left, and the next run finds it"


class Repeat(enum.StrEnum):
    """What `vertex-tuning reconcile` does after a run that had no errors but these."""

    AGAIN = "logged and retried after the pause, until the deadline"
    ENDS = "is the last one"


class Failure(NamedTuple):
    """One class.

    Attributes:
        kind: the error; the first row that fits counts.
        status, message: an example of what Google answers.
        look: what follows for a look.
        step: what follows for a step that may bill; it is never repeated blindly.
        run: what follows for a whole run in which it was the end.
        mend: what the user does.
    """

    kind: type[VertexError]
    status: int
    message: str
    look: Look
    step: Step
    run: Repeat
    mend: str


FAILURES = (
    Failure(
        NoCapacity, 429, "us-central1 is out of capacity for g2-standard-12",
        Look.ONCE, Step.ASKS, Repeat.AGAIN,
        "wait, or take a machine or region that the line names",
    ),
    Failure(
        QuotaExceeded, 429, "Quota exceeded for tuning jobs", Look.AGAIN, Step.LINE, Repeat.AGAIN,
        "wait for the jobs ahead, or ask Google for more quota",
    ),
    Failure(
        TooManyRequests, 429,
        "Quota exceeded for quota metric 'Resource management (CRUD) requests' and limit "
        "'Resource management (CRUD) requests per minute per region' of service 'aiplatform.googleapis.com'",
        Look.OUTLASTS, Step.LOOKS, Repeat.AGAIN,
        "nothing: it passes within a minute; fewer at once with `VERTEX_TUNING_REQUESTS_PER_MINUTE`",
    ),
    Failure(
        Unavailable, 503, "The service is currently unavailable", Look.OUTLASTS, Step.LOOKS, Repeat.AGAIN,
        "run `pulumi up` again",
    ),
    Failure(
        Transient, 408, "The operation was aborted", Look.AGAIN, Step.LEFT, Repeat.AGAIN,
        "run `pulumi up` again",
    ),
    Failure(
        InvalidRequest, 400, "epoch_count must be positive", Look.ONCE, Step.FAILS, Repeat.ENDS,
        "change what the message names; the same request stays wrong",
    ),
    Failure(
        NotSignedIn, 401, "Request had invalid credentials", Look.ONCE, Step.FAILS, Repeat.ENDS,
        "`gcloud auth application-default login`",
    ),
    Failure(
        PermissionMissing, 403, "Permission aiplatform.tuningJobs.create denied",
        Look.ONCE, Step.FAILS, Repeat.ENDS,
        "ask for a role that holds the permission",
    ),
    Failure(
        NotFound, 404, "The bucket does not exist", Look.ONCE, Step.FAILS, Repeat.ENDS,
        "make it, or correct its name",
    ),
    Failure(
        AlreadyExists, 409, "The endpoint already exists", Look.ONCE, Step.FAILS, Repeat.ENDS,
        "nothing, where it is ours: a deployment that is there is taken up; else choose another name",
    ),
)  # fmt: skip

TRIED_AGAIN = tuple(failure.kind for failure in FAILURES if failure.look is not Look.ONCE)
OUTLASTED = tuple(failure.kind for failure in FAILURES if failure.look is Look.OUTLASTS)
PASSING = frozenset(failure.kind.__name__ for failure in FAILURES if failure.run is Repeat.AGAIN)
"""Names of the classes that may pass by themselves, as an error's line begins with them."""


def step_after(error: VertexError, *, in_line: bool) -> Step:
    """What follows for a refused step; ``in_line`` says whether this kind of resource waits for quota."""
    found = next((failure.step for failure in FAILURES if isinstance(error, failure.kind)), Step.FAILS)
    return Step.FAILS if found is Step.LINE and not in_line else found
