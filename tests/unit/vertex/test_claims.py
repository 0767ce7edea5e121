"""Claims: who owns, who stands in line, and what happens when two write at once."""

from collections.abc import Callable
from contextlib import nullcontext

import msgspec
import pytest

from tests.support.declared import BUCKET, OUTPUT
from tests.support.fake import FakeVertex
from vertex_tuning.vertex.claim import HeldClaim, Waiter
from vertex_tuning.vertex.claims import ClaimChanged, Claims, Unreadable
from vertex_tuning.vertex.errors import InvalidRequest

KEY = "TuningJob/f"
PLACE = "projects/p/locations/us-central1"
JOB, OPERATION = f"{PLACE}/tuningJobs/1", f"{PLACE}/operations/2"


@pytest.fixture
def fake() -> FakeVertex:
    return FakeVertex(BUCKET)


@pytest.fixture
def claims(fake: FakeVertex) -> Claims:
    return fake.context_for(OUTPUT).claims


ENDPOINT = f"{PLACE}/endpoints/vt-a"
PLACES = [
    ("resource", f"{PLACE}/endpoints/9", True, "the id that Google chose"),
    ("resource", "projects/123/locations/us-central1/endpoints/9", True, "the project by its number"),
    ("resource", "projects/q/locations/us-central1/endpoints/9", False, "another project"),
    ("resource", "projects/p/locations/us-east5/endpoints/9", False, "another region"),
    ("asked", "projects/q/locations/us-central1/endpoints/9", False, "another project's, asked for"),
    ("operation", "projects/p/locations/us-east5/operations/1", False, "an operation of another region"),
    ("operation", "starting", True, "no name yet"),
    ("repeated", "projects/q/locations/us-central1/operations/1", False, "an operation of another project"),
]


@pytest.mark.parametrize(("field", "name", "read", "why"), PLACES, ids=[case[3] for case in PLACES])
@pytest.mark.parametrize("key", [f"Endpoint/{ENDPOINT}", f"DeployedModel/{PLACE}/models/vt-m"])
def test_a_claim_names_only_what_is_in_its_own_place(
    claims: Claims, fake: FakeVertex, key: str, field: str, name: str, *, read: bool, why: str
) -> None:
    claim = {"id": "c", "owner": "me", "token": "t1", "at": 1.0, field: name}
    fake.storage.put(claims.uri(key), msgspec.json.encode(claim))
    with nullcontext() if read else pytest.raises(Unreadable, match="in another place"):
        assert claims.read(key, "t1") is not None, why
    assert (claims.lenient().read(key, "t1") is not None) == read, "what is deleted is not looked for there"


def test_the_first_to_take_it_owns_it(claims: Claims) -> None:
    held = claims.take(KEY, "me", "t1")
    assert (held.ours, held.claim.owner, held.claim.token, held.claim.id) == (True, "me", "t1", "t1")
    assert claims.read(KEY, "t1") == held


def test_its_owner_renews_the_token_and_nothing_else(claims: Claims) -> None:
    first = claims.note(claims.take(KEY, "me", "t1"), resource=JOB, operation=OPERATION)
    renewed = claims.take(KEY, "me", "t2")
    assert renewed.ours
    assert renewed.claim.id == first.claim.id, "what was made under it is still found by it"
    assert (renewed.claim.resource, renewed.claim.operation, renewed.claim.at) == (
        JOB,
        OPERATION,
        first.claim.at,
    )
    seen = claims.read(KEY, "t1")
    assert seen is not None
    assert not seen.ours, "a leftover with the old token owns nothing"


def test_another_s_stays_another_s_and_puts_us_in_line(claims: Claims) -> None:
    claims.take(KEY, "me", "t1")
    held = claims.take(KEY, "you", "t2")
    assert not held.ours
    assert (held.claim.owner, held.claim.waiters) == ("me", (Waiter("you", "t2"),))
    assert claims.take(KEY, "you", "t3").claim.waiters == (Waiter("you", "t3"),), "one place each"


def test_nobody_s_is_the_next_one_s_with_all_it_names(claims: Claims) -> None:
    claims.release(claims.note(claims.take(KEY, "me", "t1"), resource=JOB))
    held = claims.take(KEY, "you", "t2")
    assert (held.ours, held.claim.owner, held.claim.resource) == (True, "you", JOB)


def test_no_token_owns_nothing(claims: Claims) -> None:
    claims.release(claims.take(KEY, "me", "t1"))
    seen = claims.read(KEY, "")
    assert seen is not None
    assert not seen.ours, "an empty token must not match the empty token of a claim that was let go"


def test_an_owner_who_leaves_hands_it_to_the_first_in_line(claims: Claims) -> None:
    claims.take(KEY, "me", "t1")
    claims.take(KEY, "you", "t2")
    claims.take(KEY, "they", "t3")
    mine = claims.read(KEY, "t1")
    assert mine is not None
    claims.leave(mine, "t1")
    yours = claims.read(KEY, "t2")
    assert yours is not None
    assert (yours.ours, yours.claim.owner, yours.claim.waiters) == (True, "you", (Waiter("they", "t3"),))


def test_an_heir_who_leaves_changes_nothing_for_the_others(claims: Claims) -> None:
    claims.take(KEY, "me", "t1")
    claims.take(KEY, "you", "t2")
    yours = claims.take(KEY, "they", "t3")
    claims.leave(yours, "t2")
    seen = claims.read(KEY, "t1")
    assert seen is not None
    assert (seen.ours, seen.claim.waiters) == (True, (Waiter("they", "t3"),))


def test_a_stranger_who_leaves_writes_nothing(claims: Claims) -> None:
    mine = claims.take(KEY, "me", "t1")
    stranger = claims.read(KEY, "t9")
    assert stranger is not None
    claims.leave(stranger, "t9")
    assert claims.read(KEY, "t1") == mine


def test_a_note_says_when_it_was_written(fake: FakeVertex, claims: Claims) -> None:
    held = claims.take(KEY, "me", "t1")
    fake.clock.sleep(50)
    assert claims.age(held) == 50
    noted = claims.note(held, operation="starting")
    fake.clock.sleep(7)
    assert claims.age(noted) == 7, "the grace period counts from the last note"
    assert claims.age(claims.take(KEY, "me", "t2")) == 7, "and is not renewed with the token"


def test_forgetting_is_for_good_and_the_next_claim_is_another(claims: Claims) -> None:
    claims.delete(claims.take(KEY, "me", "t1"))
    assert claims.read(KEY, "t1") is None
    assert claims.take(KEY, "me", "t2").claim.id == "t2"


RACES: list[tuple[Callable[[Claims], object], str]] = [
    (lambda claims: claims.take(KEY, "me", "t2"), "the owner's next run renewed it"),
    (lambda claims: claims.take(KEY, "you", "t2"), "another got in line"),
    (lambda claims: claims.note(claims.take(KEY, "me", "t1"), resource=JOB), "another run noted its job"),
    (lambda claims: claims.delete(claims.take(KEY, "me", "t1")), "it was given up"),
]


@pytest.mark.parametrize(("meanwhile", "reason"), RACES, ids=[race[1] for race in RACES])
def test_what_was_read_before_another_wrote_is_not_written_over(
    fake: FakeVertex, claims: Claims, meanwhile: Callable[[Claims], object], reason: str
) -> None:
    held = claims.take(KEY, "me", "t1")
    other = fake.context_for(OUTPUT).claims
    meanwhile(other)
    before = other.read(KEY, "")
    with pytest.raises(ClaimChanged):
        claims.note(held, operation="starting")
    with pytest.raises(ClaimChanged):
        claims.release(held)
    with pytest.raises(ClaimChanged) if before else nullcontext():  # gone counts as forgotten
        claims.delete(held)
    assert other.read(KEY, "") == before, reason


def test_of_two_who_take_it_at_once_one_owns_and_one_stands_in_line(fake: FakeVertex) -> None:
    one, two = fake.context_for(OUTPUT).claims, fake.context_for(OUTPUT).claims
    write = fake.storage.write
    taken: list[HeldClaim] = []

    def interleaved(uri: str, content: bytes, *, if_generation: int) -> int | None:
        if "t1" in content.decode() and not taken:
            taken.append(two.take(KEY, "two", "t2"))
        return write(uri, content, if_generation=if_generation)

    fake.storage.write = interleaved  # type: ignore[method-assign]
    first = one.take(KEY, "one", "t1")
    assert taken[0].ours
    assert not first.ours
    assert (first.claim.owner, first.claim.waiters) == ("two", (Waiter("one", "t1"),))


def test_a_claim_that_is_no_claim_is_named_and_left_alone(fake: FakeVertex, claims: Claims) -> None:
    fake.storage.put(f"{OUTPUT}/.claims/{KEY}.json", b"scribbled over")
    with pytest.raises(InvalidRequest, match=f"{KEY}.*find out whose it is"):
        claims.take(KEY, "me", "t1")


def test_an_owner_s_claims_are_found_by_folder(claims: Claims) -> None:
    claims.take("TuningJob/a", "me", "t1")
    claims.take("TuningJob/b", "you", "t2")
    claims.take("TuningJobs/c", "me", "t3")
    assert [held.key for held in claims.owned("TuningJob", "me")] == ["TuningJob/a"]


def test_without_a_bucket_there_are_no_claims() -> None:
    assert FakeVertex().context_for(OUTPUT).claims.owned("TuningJob", "me") == []
