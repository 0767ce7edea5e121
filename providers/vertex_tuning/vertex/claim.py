"""A claim: who may act on a thing, written down before the thing exists. Pure.

It holds the owner (stack and service), a token that every create renews, and what came of it: the
resource's name and the operation under way. Only the holder of the live token may delete, so a
leftover of an earlier deployment cannot delete what a later one took over under the same identity.
Others who use the same thing are waiters: it is not deleted with its owner, but
passes to the first of them.
"""

from __future__ import annotations

import re
from typing import Annotated

import msgspec

from ..names import GCS_NAME, JOB_NAME, LABEL, OPERATION_NAME, PLACE_NAME, RESOURCE_NAME, whole
from .errors import Transient

STARTING = "starting"
"""Stands for the operation from before a call that bills until its answer is written down."""


class BeingEnded(Transient):
    """The claim's owner is undoing what it stands for: nobody can join until that is over."""


LabelText = Annotated[str, whole(LABEL)]
JobName = Annotated[str, whole(JOB_NAME)]
GcsName = Annotated[str, whole(GCS_NAME)]
GcsNameOrNone = Annotated[str, whole(f"|{GCS_NAME}")]
Words = Annotated[str, msgspec.Meta(pattern=r"\A[^\x00-\x1f\x7f-\x9f]*\Z", max_length=512)]
"""Text that people read, such as an owner: in one line, and without control characters."""
Reason = Annotated[str, msgspec.Meta(max_length=4096)]
"""What a service answered; it is made harmless where it is shown."""
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Number = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]


class Waiter(msgspec.Struct, frozen=True):
    """Someone who uses what another owns, and under which token they will own it."""

    owner: Words
    token: LabelText


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What an evaluation found: a score from 0 to 1 over ``n`` answers, and what was asked for."""

    score: Share
    n: Number
    threshold: Share


class Rejection(Verdict, frozen=True, kw_only=True):
    """The verdict on a model that failed: ``model`` is the id under which it was registered."""

    model: LabelText


Timestamp = Annotated[float, msgspec.Meta(ge=0, lt=1e11)]
"""Seconds since the epoch; no later than a calendar can tell."""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What a claim says; ``owner`` and ``token`` are empty once its owner has released it.

    ``id`` is the claim's for life: what is made under it can carry it, and be found by it.
    ``reads`` is the folder of weights that is needed by what is made under it.
    ``weights`` is where the job that it names leaves them, for the day on which that job is forgotten.
    ``verdict`` is that of a deployment that passed its evaluation.
    ``rejected`` is the last model of a service that failed its own; nothing else is left of it.
    ``pinned`` names, for each of a user's objects, the copy that a service has validated for its tuning.
    ``failed`` names the jobs that failed and were, or are about to be, followed by another.
    ``at`` is when ``resource`` or ``operation`` was last written, in seconds since the epoch.
    ``deadline`` is when its owner wants it ready, in the same; 0 for no such word. ``bound_by`` is the
    owner's token when it was written.
    ``place`` is where a job was last asked for, ``projects/P/locations/L``: whoever looks for it may be
    declared elsewhere by now. ``refused`` is what the service answered to that, if it was a refusal.
    ``unanswered`` counts the calls in a row whose answer did not say what came of them.
    ``recorded`` is the last token that a state is known to hold.
    ``ending`` is since when its owner is undoing what it stands for; 0 while it is not.
    ``asked`` is the endpoint's name that a deployment asked for, where Google chose another, ``resource``.
    ``model`` is the id under which its model is registered, where Google chose another than asked for.
    ``repeated`` is the operation of a deployment that failed inside Google and was tried once more.
    ``folders`` are the other output folders in which a service's claims may lie.
    """

    id: LabelText
    owner: Words
    token: LabelText
    at: Timestamp
    resource: Annotated[str, whole(f"|{RESOURCE_NAME}")] = ""
    operation: Annotated[str, whole(f"|{STARTING}|{OPERATION_NAME}")] = ""
    waiters: Annotated[tuple[Waiter, ...], msgspec.Meta(max_length=1000)] = msgspec.field(
        default=(), name="heirs"
    )  # claims of earlier versions call them so
    deadline: Timestamp = 0.0
    reads: GcsNameOrNone = ""
    weights: GcsNameOrNone = ""
    failed: Annotated[tuple[JobName, ...], msgspec.Meta(max_length=100)] = ()
    verdict: Verdict | None = None
    rejected: Rejection | None = None
    pinned: Annotated[dict[GcsName, GcsName], msgspec.Meta(max_length=100)] = {}
    place: Annotated[str, whole(f"|{PLACE_NAME}")] = ""
    refused: Reason = ""
    unanswered: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0
    recorded: LabelText = ""
    ending: Timestamp = 0.0
    folders: Annotated[tuple[GcsName, ...], msgspec.Meta(max_length=100)] = ()
    asked: Annotated[str, whole(f"|{RESOURCE_NAME}")] = ""
    model: LabelText = ""
    repeated: Annotated[str, whole(f"|{OPERATION_NAME}")] = ""
    bound_by: LabelText = ""

    @property
    def due(self) -> float:
        """The deadline, 0 for none; one that was written without the owner's token is none."""
        return self.deadline if self.token and self.bound_by == self.token else 0.0


class HeldClaim(msgspec.Struct, frozen=True, kw_only=True):
    """A claim as it was read or written, and whether it is the caller's."""

    key: str
    claim: Claim
    generation: int
    ours: bool


def taken(claim: Claim | None, owner: str, token: str, now: float, id_: str = "") -> Claim:
    """A claim after an acquire: the caller owns it if it is new, theirs or released; else they are a waiter.

    ``id_`` is of the claim that a new one takes the place of.

    Raises:
        BeingEnded: its owner is about to undo it.
    """
    if claim is None:
        return Claim(id=id_ or token, owner=owner, token=token, at=now)
    others = tuple(waiter for waiter in claim.waiters if waiter.owner != owner)
    if claim.owner in ("", owner):
        bound_by = token if claim.due else ""
        return msgspec.structs.replace(
            claim, owner=owner, token=token, waiters=others, ending=0.0, bound_by=bound_by
        )
    if claim.ending:
        raise BeingEnded(f"{claim.owner} is undoing what this would share")
    return msgspec.structs.replace(claim, waiters=(*others, Waiter(owner, token)))


def left(claim: Claim, token: str) -> Claim:
    """A claim after a release: the first waiter becomes owner if the owner leaves."""
    waiters = tuple(waiter for waiter in claim.waiters if waiter.token != token)
    if not token or claim.token != token or not waiters:
        return msgspec.structs.replace(claim, waiters=waiters)
    first, *rest = waiters
    return msgspec.structs.replace(
        claim, owner=first.owner, token=first.token, waiters=tuple(rest), deadline=0.0, ending=0.0
    )


_PLACED = re.compile(r"(?:Endpoint|DeployedModel)/projects/([^/]+)/locations/([^/]+)/")


def misplaced(key: str, claim: Claim) -> str:
    """A name in the claim of an endpoint or deployment that is in another place than its key; empty for none.

    The claim's owner would read, and sign requests for, what is declared nowhere. Google may answer with a
    project's number, which nothing here can compare. Jobs have no place in their key: one of another project
    is found below a shared output folder.
    """
    placed = _PLACED.match(key)
    if placed is None:
        return ""
    for name in (claim.resource, claim.asked, claim.operation, claim.repeated):
        _, project, _, location = name.split("/")[:4] if "/" in name else ("", placed[1], "", placed[2])
        if location != placed[2] or (project != placed[1] and not project.isdigit()):
            return name
    return ""
