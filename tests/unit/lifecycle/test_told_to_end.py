"""Ctrl-C ends copies and evaluations as it ends waits, and says each time what goes on and what to type."""

import threading
from collections.abc import Callable
from typing import Any

from tests.support.fake import FakeVertex
from tests.support.mini_engine import MiniEngine
from vertex_tuning.lifecycle.process import Interrupted
from vertex_tuning.plan import ServicePlan

Declare = Callable[..., ServicePlan]
NEXT = "`pulumi up` waits for it again, `pulumi destroy` ends it"


class Told:
    """Whether the engine was told to end; every sleep ends from then on."""

    def __init__(self, fake: FakeVertex) -> None:
        self.now = threading.Event()
        self._fake, self._sleep = fake, fake.clock.sleep
        fake.clock.sleep = self._slept  # type: ignore[method-assign]

    def _slept(self, seconds: float) -> None:
        if self.now.is_set():
            raise Interrupted("pulumi was interrupted")
        self._sleep(seconds)

    def at(self, service: Any, method: str) -> list[Any]:
        """Tell it at the first call of a method; what was called of it."""
        usual, calls = getattr(service, method), []

        def called(*given: Any, **named: Any) -> Any:
            calls.append(given)
            self.now.set()
            return usual(*given, **named)

        setattr(service, method, called)
        return calls


def test_an_export_ends_between_two_files(fake: FakeVertex, declare: Declare) -> None:
    engine = MiniEngine()
    assert engine.up(declare(service={"serve": False})).ok
    folder = engine.outputs("model")["artifacts_uri"]
    for number in range(9):
        fake.storage.put(f"{folder}/model-{number}.safetensors", b"x")
    calls = Told(fake).at(fake.storage, "copy")

    failed = engine.up(declare(service={"serve": False, "export_uri": "gs://test-bucket/export"})).failed

    assert len(calls) == 1
    assert "files are still to be exported" in failed["model"]
    assert failed["model"].endswith(f"Nothing that costs money is running. {NEXT}")


def test_a_change_of_replicas_that_is_cut_off_says_what_it_costs(fake: FakeVertex, declare: Declare) -> None:
    engine = MiniEngine()
    assert engine.up(declare()).ok
    Told(fake).now.set()

    failed = engine.up(declare(service={"serving": {"max_replicas": 3}})).failed["deployed"]

    assert "stopped waiting: projects/" in failed
    assert "It continues without pulumi, and costs" in failed
    assert failed.endswith(NEXT)


def test_data_in_cloud_storage_are_not_read_on(fake: FakeVertex, declare: Declare) -> None:
    fake.storage.put("gs://test-bucket/theirs.jsonl", b'{"prompt": "a", "completion": " b"}\n')
    Told(fake).at(fake.storage, "download")

    failed = MiniEngine().up(declare(training_data="gs://test-bucket/theirs.jsonl")).failed["training-data"]

    assert failed.endswith(f"Nothing that costs money is running. {NEXT}")


def test_an_evaluation_does_not_wait_for_the_answers_under_way(
    fake: FakeVertex, declare: Declare, prompts: str
) -> None:
    told, answers = Told(fake), threading.Event()

    def ask(*_given: Any) -> None:
        told.now.set()
        answers.wait()

    fake.serving.ask = ask  # type: ignore[assignment, method-assign]
    plan = declare(service={"serving": {"evaluation": {"prompts": prompts, "threshold": 0.5}}})
    try:
        failed = MiniEngine().up(plan).failed["deployed"]
    finally:
        answers.set()

    assert "stopped waiting: deployed for its evaluation, which is next (pulumi was interrupted)" in failed
    assert "It continues without pulumi, and costs" in failed
