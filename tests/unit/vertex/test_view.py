"""One view of Google for a command: how old an answer may be, and what an old one can never do."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.command import one_command
from tests.support.declared import BUCKET, OUTPUT, planned, spec_of, write_examples
from tests.support.fake import FakeVertex, plugged
from tests.support.mini_engine import MiniEngine
from vertex_tuning.plan import ServicePlan
from vertex_tuning.vertex.claims import Claims
from vertex_tuning.vertex.errors import PermissionMissing, Transient
from vertex_tuning.vertex.memo import Memo, anew, newer_than, tick
from vertex_tuning.vertex.view import View

KEY = "TuningJob/f"


class Asked:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> int:
        self.times += 1
        return self.times


def test_what_is_known_is_not_asked_again_until_it_has_to_be() -> None:
    now, asked = [0.0], Asked()
    memo = Memo(lambda: now[0])

    def get(*, settled: bool = False) -> int:
        return memo.get("key", asked, longest=10.0, settled=settled)

    assert (get(), get()) == (1, 1), "known"
    moment = tick()
    with newer_than(moment):
        assert get(settled=True) == 1, "does not change by itself"
        assert (get(), get()) == (2, 2), "asked for before that moment"
    with anew():
        assert (get(settled=True), get()) == (3, 3), "asked for before the block"
        with anew(again=False):
            assert get() == 3, "as the block around it has it"
        with anew():
            assert get() == 4
    now[0] = 10.0
    assert get() == 5, "too old"
    memo.changed("key")
    assert get() == 6, "changed by this process"
    memo.put("key", 7)
    assert get() == 7, "told"


def test_of_threads_that_ask_at_once_one_does() -> None:
    memo, asked, go = Memo(time.monotonic), Asked(), threading.Event()

    def slowly() -> int:
        go.wait(5)
        return asked()

    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(memo.get, "key", slowly) for _ in range(8)]
        go.set()
        assert {answer.result() for answer in answers} == {1}


def test_an_error_is_not_kept() -> None:
    memo = Memo(time.monotonic)

    def fails() -> int:
        raise Transient("no answer")

    with pytest.raises(Transient):
        memo.get("key", fails)
    assert memo.get("key", lambda: 1) == 1


@pytest.fixture
def fake() -> FakeVertex:
    return FakeVertex(BUCKET)


def claims_of(fake: FakeVertex) -> Claims:
    """The claims as one command sees them."""
    view = View(fake, 15.0, fake.clock.monotonic)
    return Claims(view.storage, OUTPUT)


def test_claims_take_one_list_and_no_read(fake: FakeVertex) -> None:
    for n in range(5):
        claims_of(fake).take(f"Endpoint/e{n}", "me", f"t{n}")
    mine = claims_of(fake)
    fake.world.calls.clear()
    assert [held.claim.token for n in range(5) if (held := mine.read(f"Endpoint/e{n}", ""))] == [
        f"t{n}" for n in range(5)
    ]
    assert mine.read("Endpoint/none", "") is None
    assert len(mine.below("Endpoint")) == 5
    assert fake.world.calls == ["storage.listed"]


def test_own_claims_are_known_and_listed(fake: FakeVertex) -> None:
    claims_of(fake).take("Endpoint/other", "me", "t")
    mine = claims_of(fake)
    assert mine.keys("Endpoint") == ["Endpoint/other"]
    held = mine.take("Endpoint/e", "me", "t")
    fake.world.calls.clear()
    assert mine.read("Endpoint/e", "t") == held
    assert mine.keys("Endpoint") == ["Endpoint/e", "Endpoint/other"]
    mine.delete(held)
    assert mine.read("Endpoint/e", "t") is None
    assert mine.keys("Endpoint") == ["Endpoint/other"]
    assert fake.world.calls == ["storage.remove"]


def test_a_stale_claim_costs_a_second_try_and_loses_nothing(fake: FakeVertex) -> None:
    """Two commands have both seen that there is none; the second to write becomes a waiter."""
    one, two = claims_of(fake), claims_of(fake)
    assert (one.read(KEY, ""), two.read(KEY, "")) == (None, None)
    assert one.take(KEY, "first", "t1").ours
    second = two.take(KEY, "second", "t2")
    assert not second.ours
    assert second.claim.owner == "first"
    assert [waiter.owner for waiter in second.claim.waiters] == ["second"]
    # And the first, which knows nothing of the second, may not take the claim away with it.
    held = one.read(KEY, "t1")
    assert held is not None
    with pytest.raises(Transient, match="changed by someone else"):
        one.delete(held)
    again = one.read(KEY, "t1")
    assert again is not None
    assert [waiter.owner for waiter in again.claim.waiters] == ["second"]


def test_where_lists_are_denied_each_claim_is_read(fake: FakeVertex) -> None:
    held = claims_of(fake).take(KEY, "me", "t")
    fake.fault("storage.listed", PermissionMissing("denied."), times=None)
    mine = claims_of(fake)
    assert mine.read(KEY, "t") == held
    assert mine.read("TuningJob/none", "t") is None


def test_one_claim_is_written_once_a_second_at_most(
    fake: FakeVertex, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = list[float]()
    monkeypatch.setattr(time, "sleep", pauses.append)
    claims = Claims(View(fake, 15.0, fake.clock.monotonic, write_pause=3600.0).storage, OUTPUT)
    held = claims.take(KEY, "me", "t")
    claims.take("TuningJob/another", "me", "t")
    assert pauses == [0.0, 0.0], "another object"
    claims.note(held, operation="starting")
    assert pauses[2:] == [pytest.approx(3600.0, abs=60.0)]


def test_a_list_of_a_tunings_folder_says_what_is_in_it(fake: FakeVertex) -> None:
    weights = f"{OUTPUT}/f/postprocess/node-0/checkpoints/final"
    for name in ("config.json", "model.safetensors"):
        fake.storage.put(f"{weights}/{name}", b"")
    storage = View(fake, 15.0, fake.clock.monotonic).storage
    fake.world.calls.clear()
    assert len(storage.listed(weights)) == 2
    assert storage.stat(f"{OUTPUT}/f/lineage.json") is None
    assert storage.read(f"{OUTPUT}/f/lineage.json") is None
    assert fake.world.calls == ["storage.listed"]
    storage.write(f"{OUTPUT}/f/lineage.json", b"{}", if_generation=0)
    assert storage.read(f"{OUTPUT}/f/lineage.json") is not None
    storage.delete(f"{weights}/config.json")
    assert len(storage.listed(weights)) == 1


@pytest.fixture
def plan(tmp_path: Path) -> Callable[[str], ServicePlan]:
    data = write_examples(tmp_path / "train.jsonl")
    return lambda stack: planned(spec_of(data, serving={}), stack)


def test_a_destroy_after_an_old_look_spares_what_another_has_taken_since(
    fake: FakeVertex, plan: Callable[[str], ServicePlan]
) -> None:
    """The other stack joins the tuning after this command has seen the claim without it."""
    mine, theirs = MiniEngine(), MiniEngine()
    with plugged(fake):
        assert mine.up(plan("dev")).ok
        with one_command(of_many=True):
            mine.refresh()
            before = fake.context_for(OUTPUT)
            assert before.claims.below("TuningJob")[0].claim.waiters == ()
            other = claims_of(fake)
            held = other.below("TuningJob")[0]
            other.take(held.key, "tests/prod/tickets", "theirs")
            assert mine.destroy().ok
        [left] = claims_of(fake).below("TuningJob")
        assert left.claim.owner == "tests/prod/tickets"
        [job] = fake.jobs.all.values()
        assert not job.cancelling
        assert theirs.up(plan("prod")).ok
    assert len(fake.jobs.all) == 1, "paid for once"


def test_a_claim_is_written_four_times_in_a_first_up_at_most(
    fake: FakeVertex, plan: Callable[[str], ServicePlan], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken, asked for, named, and known to be in the state."""
    written, write = Counter[str](), fake.storage.write

    def counted(uri: str, content: bytes, *, if_generation: int) -> int | None:
        written[uri] += "/.claims/" in uri
        return write(uri, content, if_generation=if_generation)

    monkeypatch.setattr(fake.storage, "write", counted)
    with plugged(fake):
        assert MiniEngine().up(plan("dev")).ok
    assert max(written.values()) <= 4, written
