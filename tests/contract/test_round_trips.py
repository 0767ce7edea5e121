"""How many calls a command makes: services on the embedded Vertex AI, over HTTP, with Google's clients."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.calls import kind_of
from tests.support.command import one_command
from tests.support.declared import planned, spec_of, write_examples
from tests.support.emulator import RunningEmulator
from tests.support.mini_engine import MiniEngine, previewed
from tests.support.plain import FAKE_WEIGHTS, Plain
from vertex_tuning.plan import ServicePlan
from vertex_tuning.specs import ServiceSpec
from vertex_tuning.vertex.connection import ENDPOINT, POLL

SERVICES = 3
POLLS = re.compile(r"GET \S+/(tuningJobs/N$|metadataStores/|tensorboards/)")
"""Looks at a job that goes on, and at its losses."""

Run = Callable[[Callable[[], object]], Counter[str]]


@pytest.fixture
def counted(plain: Plain, emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs something as one command of the engine, and gives its calls by kind."""
    monkeypatch.setenv(ENDPOINT, plain.url)
    monkeypatch.setenv(POLL, "60")  # so that a slow machine does not look again
    emulator.admin.project(plain.project, l4_per_region=100, tuning_quota=100)

    def run(command: Callable[[], object]) -> Counter[str]:
        since = emulator.admin.last_request()
        with one_command(of_many=True):
            command()
        calls = emulator.admin.requests(since)
        return Counter(kind_of(call) for call in calls if not call["path"].startswith("/emulator"))

    return run


@pytest.fixture(params=["given weights", "a tuning each"])
def plans(request: pytest.FixtureRequest, plain: Plain, tmp_path: Path) -> list[ServicePlan]:
    """Services that are served, in one project, region and output folder."""
    place = {"project": plain.project, "region": "us-central1", "output_uri": f"gs://{plain.bucket}/out"}
    if request.param == "a tuning each":
        plain.put("there", b"")
        training = write_examples(tmp_path / "train.jsonl", 8)
        return [
            planned(spec_of(training, **place, name=f"s{n}", serving={}, tuning={"attempt": n + 1}))
            for n in range(SERVICES)
        ]
    for n in range(SERVICES):
        for name, content in FAKE_WEIGHTS.items():
            plain.put(f"w{n}/{name}", content)
    given = [{"name": f"s{n}", "artifacts_uri": f"gs://{plain.bucket}/w{n}"} for n in range(SERVICES)]
    return [planned(ServiceSpec.model_validate({**place, **each, "serving": {}})) for each in given]


def test_calls_of_each_command(
    plans: list[ServicePlan], counted: Run, request: pytest.FixtureRequest, record_property: Any
) -> None:
    """The bounds are for any number of services: so many for each, and ten for what they share."""
    tuned = plans[0].tuning is not None
    engines = [MiniEngine() for _ in plans]

    def up() -> None:
        for engine, plan in zip(engines, plans, strict=True):
            ran = engine.up(plan)
            assert ran.ok, ran.failed

    def preview() -> None:
        for plan in plans:
            previewed(plan)

    commands: list[tuple[str, Callable[[], object], int, int]] = [
        ("first preview", preview, 1, 10),
        ("first up", up, 30 if tuned else 15, 10),
        ("unchanged up", up, 0, 0),
        ("refresh", lambda: [engine.refresh() for engine in engines], 3, 10),
        ("destroy", lambda: [engine.destroy() for engine in engines], 20 if tuned else 14, 10),
    ]
    over = []
    for name, command, each, shared in commands:
        calls = counted(command)
        polls = sum(number for kind, number in calls.items() if name == "first up" and POLLS.search(kind))
        number = calls.total() - polls
        record_property(name, f"{number} of {SERVICES} x {each} + {shared}, and {polls} polls")
        if number > SERVICES * each + shared:
            over.append(f"{name}: {number}; {dict(calls.most_common())}")
    assert not over, "\n".join(over)
    assert not any(engine.state for engine in engines)
