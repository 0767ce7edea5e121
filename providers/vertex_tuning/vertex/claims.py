"""Claims in the bucket: each is a small object ``OUTPUT_URI/.claims/KEY.json``.

It is created only if absent, and changed only at the generation that was read. What it says, and who is whose
waiter, is in ``claim``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from ..decoding import REFUSED
from .bounds import TooLarge
from .claim import Claim, HeldClaim, Rejection, Verdict, left, misplaced, taken
from .client import Storage
from .errors import InvalidRequest, NotFound, Transient

Answer = TypeVar("Answer")


MOST_BYTES = 256 * 1024
"""A claim has a few hundred bytes; what is larger was not written here."""


class Unreadable(InvalidRequest):
    """An object in the place of a claim that is none."""


class ClaimChanged(Transient):
    """Someone else changed the claim since it was read: look again."""


def contended(step: Callable[[], Answer]) -> Answer:
    """Do a step that others upset when they change the claim meanwhile; it must read the claim itself.

    Of those who write at once one succeeds, so many services on one claim take many tries.

    Raises:
        ClaimChanged: others kept changing it for a minute.
    """
    # Imported here: a preview that finds nothing changed does without it.
    import stamina

    tried = stamina.retry(
        on=ClaimChanged, attempts=None, timeout=60.0, wait_initial=0.05, wait_max=1.0, wait_jitter=0.5
    )
    return tried(step)()


def _unheard(_text: str) -> None:
    """Where nobody listens to warnings."""


# Created at import: two threads that decode a type first crash msgspec.
_CLAIM = msgspec.json.Decoder(Claim)


class Claims:
    """The claims below one output folder."""

    def __init__(
        self,
        storage: Storage,
        output_uri: str,
        warn: Callable[[str], None] = _unheard,
        *,
        lenient: bool = False,
    ) -> None:
        self._storage = storage
        self.output_uri = output_uri
        self._root = f"{output_uri}/.claims"
        self._warn = warn
        self._lenient = lenient

    def elsewhere(self, output_uri: str) -> Claims:
        """The claims below another output folder."""
        return Claims(self._storage, output_uri, self._warn, lenient=self._lenient)

    def lenient(self) -> Claims:
        """The same, for what is deleted: a claim that cannot be read counts as lost, which is reported."""
        return Claims(self._storage, self.output_uri, self._warn, lenient=True)

    def now(self) -> float:
        """Seconds since the epoch, as Cloud Storage counts them: writers' own clocks may differ."""
        return self._storage.now()

    def read(self, key: str, token: str) -> HeldClaim | None:
        """The claim, or ``None``; it is the caller's if it carries ``token``.

        Raises:
            Unreadable: it is not a claim.
        """
        try:
            return self._read(key, token)
        except Unreadable as error:
            if not self._lenient:
                raise
            self._warn(f"{error}. Until then it is passed over")
            return None

    def _read(self, key: str, token: str) -> HeldClaim | None:
        try:
            found = self._storage.read(self.uri(key), most=MOST_BYTES)
            if found is None:
                return None
            claim = _CLAIM.decode(found[0])
        except (*REFUSED, TooLarge) as error:
            raise Unreadable(
                f"the claim {self.uri(key)} cannot be read ({error}); find out whose it is, then remove it"
            ) from error
        if name := misplaced(key, claim):
            raise Unreadable(
                f"the claim {self.uri(key)} names {name}, which is in another place; find out whose it is, "
                "then remove it"
            )
        return HeldClaim(key=key, claim=claim, generation=found[1], ours=bool(token) and claim.token == token)

    def again(self, held: HeldClaim) -> HeldClaim | None:
        """The same claim as it is by now."""
        return self.read(held.key, held.claim.token if held.ours else "")

    def keys(self, folder: str = "") -> list[str]:
        """The keys of all claims below ``folder``."""
        try:
            uris = [blob.uri for blob in self._storage.listed(f"{self._root}/{folder}")]
        except NotFound:
            return []  # no bucket, no claims
        return [uri.removeprefix(f"{self._root}/").removesuffix(".json") for uri in uris]

    def below(self, folder: str) -> list[HeldClaim]:
        """Every claim below ``folder``, as nobody's; what cannot be read is passed over and reported."""
        others = self.lenient()
        return [held for key in self.keys(folder) if (held := others.read(key, "")) is not None]

    def owned(self, folder: str, *owners: str) -> list[HeldClaim]:
        """These owners' claims in ``folder``; ``""`` owns released ones."""
        found = [held for held in self.below(folder) if held.claim.owner in owners]
        return [msgspec.structs.replace(held, ours=True) for held in found]

    def take(self, key: str, owner: str, token: str, id_: str = "") -> HeldClaim:
        """Make the claim, or renew it if it is this owner's or nobody's.

        With another owner the caller becomes a waiter, under ``token``. A claim that was lost is
        made again with its ``id_``, so that what was made under it is found.

        Raises:
            ClaimChanged: others kept changing the claim meanwhile.
            BeingEnded: its owner is about to undo it.
        """

        def attempt() -> HeldClaim:
            found = self.read(key, token)
            claim = taken(found.claim if found else None, owner, token, self.now(), id_)
            written = self._write(key, claim, found.generation if found else 0)
            if written is None:
                raise ClaimChanged(f"the claim {self.uri(key)} is being changed by others")
            return HeldClaim(key=key, claim=claim, generation=written, ours=claim.token == token)

        return contended(attempt)

    def join(self, key: str, owner: str, token: str) -> HeldClaim | None:
        """Stand in line for what others have claimed, or renew one's place; ``None`` when nobody has.

        Raises:
            ClaimChanged: others kept changing the claim meanwhile.
            BeingEnded: its owner is about to undo it.
        """

        def attempt() -> HeldClaim | None:
            found = self.read(key, token)
            if found is None:
                return None
            return self._replaced(found, taken(found.claim, owner, token, self.now()))

        return contended(attempt)

    def note(
        self,
        held: HeldClaim,
        *,
        resource: str | None = None,
        operation: str | None = None,
        reads: str | None = None,
        weights: str | None = None,
        verdict: Verdict | None = None,
        place: str | None = None,
        refused: str = "",
        asked: str | None = None,
        model: str | None = None,
        unanswered: int | None = None,
    ) -> HeldClaim:
        """Write down what came of the claim; a refusal stands until the next note.


        Raises:
            ClaimChanged: the claim was changed by someone else since it was read.
        """
        claim = msgspec.structs.replace(
            held.claim,
            at=self.now(),
            resource=held.claim.resource if resource is None else resource,
            operation=held.claim.operation if operation is None else operation,
            reads=held.claim.reads if reads is None else reads,
            weights=held.claim.weights if weights is None else weights,
            verdict=held.claim.verdict if verdict is None else verdict,
            place=held.claim.place if place is None else place,
            refused=refused,
            asked=held.claim.asked if asked is None else asked,
            model=held.claim.model if model is None else model,
            unanswered=held.claim.unanswered if unanswered is None else unanswered,
        )
        return self._replaced(held, claim)

    def note_repeated(self, held: HeldClaim) -> HeldClaim:
        """Write down that the operation it names failed and is followed by another.

        Raises:
            ClaimChanged: the claim was changed by someone else since it was read.
        """
        claim = msgspec.structs.replace(held.claim, repeated=held.claim.operation, operation="")
        return self._replaced(held, claim)

    def note_failed(self, held: HeldClaim) -> HeldClaim:
        """Write down that the job it names failed and is to be followed by another.

        Raises:
            ClaimChanged: the claim was changed by someone else since it was read.
        """
        failed = (*held.claim.failed, held.claim.resource)
        claim = msgspec.structs.replace(held.claim, at=self.now(), resource="", operation="", failed=failed)
        return self._replaced(held, claim)

    def reject(self, held: HeldClaim, rejected: Rejection | None) -> HeldClaim:
        """Write down, in the claim of a service, which of its models failed last; ``None`` takes that away.

        Raises:
            ClaimChanged: the claim was changed by someone else since it was read.
        """
        return self._replaced(held, msgspec.structs.replace(held.claim, rejected=rejected))

    def pin(self, held: HeldClaim, uri: str, copy: str) -> HeldClaim:
        """Write down, in the claim of a service, which copy of a user's object its tuning is to read.

        Raises:
            ClaimChanged: the claim was changed by someone else since it was read.
        """
        pinned = {**held.claim.pinned, uri: copy}
        return self._replaced(held, msgspec.structs.replace(held.claim, pinned=pinned))

    def link(self, held: HeldClaim, folders: tuple[str, ...]) -> HeldClaim:
        """Write down, in the claim of a service, in which other output folders its claims may lie.

        Raises:
            ClaimChanged: the claim was changed by someone else since it was read.
        """
        return self._replaced(held, msgspec.structs.replace(held.claim, folders=folders))

    def bound(self, held: HeldClaim, deadline: float) -> HeldClaim:
        """Write down until when it is to be ready; 0 takes that away.

        Raises:
            ClaimChanged: the claim was changed by someone else since it was read.
        """
        return self._replaced(
            held, msgspec.structs.replace(held.claim, deadline=deadline, bound_by=held.claim.token)
        )

    def end(self, held: HeldClaim) -> HeldClaim:
        """Write down, before anything is undone, that it will be: whoever read it before has to look again.

        Raises:
            ClaimChanged: the claim was changed by someone else since it was read.
        """
        return self._replaced(held, msgspec.structs.replace(held.claim, ending=self.now()))

    def go_on(self, held: HeldClaim) -> HeldClaim:
        """Write down that it is not undone after all, or no further.

        Raises:
            ClaimChanged: the claim was changed by someone else since it was read.
        """
        return self._replaced(held, msgspec.structs.replace(held.claim, ending=0.0))

    def record(self, held: HeldClaim) -> HeldClaim:
        """Write down, once, that a state holds its token, and so that it goes on.

        Raises:
            ClaimChanged: the claim was changed by someone else since it was read.
        """
        claim = msgspec.structs.replace(held.claim, recorded=held.claim.token, ending=0.0)
        return held if claim == held.claim else self._replaced(held, claim)

    def age(self, held: HeldClaim) -> float:
        """Seconds since something was last written down."""
        return self.now() - held.claim.at

    def leave(self, held: HeldClaim, token: str) -> None:
        """Release it: the first waiter becomes owner, a waiter is removed.

        Raises:
            ClaimChanged: the claim was changed by someone else since it was read.
        """
        claim = left(held.claim, token)
        if claim != held.claim:
            self._replaced(held, claim)

    def release(self, held: HeldClaim) -> HeldClaim:
        """Leave the claim and what it names to whoever takes it next."""
        nobody_s = msgspec.structs.replace(held.claim, owner="", token="", deadline=0.0, ending=0.0)
        left = self._replaced(held, nobody_s)
        return msgspec.structs.replace(left, ours=False)

    def delete(self, held: HeldClaim) -> None:
        """Remove the claim.

        Raises:
            ClaimChanged: someone changed it since it was read, and may stand in line for it by now.
        """
        if not self._storage.remove(self.uri(held.key), if_generation=held.generation):
            raise ClaimChanged(f"the claim {self.uri(held.key)} was changed by someone else; run it again")

    def _replaced(self, held: HeldClaim, claim: Claim) -> HeldClaim:
        written = self._write(held.key, claim, held.generation)
        if written is None:
            raise ClaimChanged(f"the claim {self.uri(held.key)} was changed by someone else; run it again")
        return msgspec.structs.replace(held, claim=claim, generation=written)

    def _write(self, key: str, claim: Claim, generation: int) -> int | None:
        return self._storage.write(self.uri(key), msgspec.json.encode(claim), if_generation=generation)

    def uri(self, key: str) -> str:
        """The object that holds a claim."""
        return f"{self._root}/{key}.json"
