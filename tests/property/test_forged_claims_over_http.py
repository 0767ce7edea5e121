"""The same attacks as on the fake, on the embedded service: Google's clients, real HTTP, real tunings."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.conftest import write_sums
from tests.property.attacks import THEIRS, commands, play, steps_of
from tests.support.declared import BUCKET, OUTPUT, PROJECT, REGION, planned, spec_of, write_examples
from tests.support.emulator import HTTP, RunningEmulator
from tests.support.hosts import connected
from tests.support.mini_engine import MiniEngine
from tests.support.plain import FAKE_WEIGHTS, Plain
from vertex_tuning import names
from vertex_tuning.lifecycle import process
from vertex_tuning.vertex import Connection, connect

EXAMPLES, STEPS = 6, 50


class Embedded:
    """A `World` on the embedded service: another team's stack, and a model, an endpoint and a running job."""

    def __init__(self, emulator: RunningEmulator, folder: Path) -> None:
        self._vertex = connect(Connection(endpoint=emulator.url))
        self._plain = Plain(emulator.url, PROJECT)
        rows = write_sums(folder / "sums.jsonl").read_bytes()
        for name, content in {**FAKE_WEIGHTS, "sums.jsonl": rows}.items():
            self.put(f"gs://{BUCKET}/theirs/{name}", content)
        self.models = [
            self._model("acme-prod-model"),
            self._model("acme-idle"),
            self._model("vt-tickets-0123456789ab", labels=THEIRS),
        ]
        self.endpoint = self._plain.endpoint("theirs", labels=THEIRS)
        assert "error" not in self._plain.deploy(self.endpoint, self.models[0])
        self.job = self._running_job()
        self._theirs = self._all()
        sites, models, jobs = self._theirs
        self.names = [*sites, *models, *jobs]

    def _model(self, id_: str, **given: Any) -> str:
        model = {"displayName": id_, "artifactUri": f"gs://{BUCKET}/theirs", **given}
        body = {"modelId": id_, "model": {**model, "containerSpec": {"imageUri": "i"}}}
        found: str = self._plain.done(self._plain.vertex("POST", "/models:upload", body))["model"]
        return found.partition("@")[0]

    def _running_job(self) -> str:
        job = self._plain.vertex(
            "POST",
            "/tuningJobs",
            self._plain.job(
                outputUri=f"gs://{BUCKET}/theirs/out",
                labels={**THEIRS, "vertex-tuning-claim": "c0ffee"},
                spec={
                    "trainingDatasetUri": f"gs://{BUCKET}/theirs/sums.jsonl",
                    "hyperParameters": {"epochCount": "50"},
                },
            ),
        )
        found: str = self._plain.until(job, "RUNNING")["name"]
        return found

    def claims(self) -> list[str]:
        return sorted(blob.uri for blob in self._vertex.storage.listed(f"{OUTPUT}/.claims"))

    def content(self, uri: str) -> bytes:
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        return self._plain.call("GET", f"storage/v1/b/{bucket}/o/{quote(name, safe='')}?alt=media").content

    def put(self, uri: str, content: bytes) -> None:
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        query = {"uploadType": "media", "name": name}
        self._plain.ok("POST", f"upload/storage/v1/b/{bucket}/o", params=query, content=content)

    def remove(self, uri: str) -> None:
        self._vertex.storage.delete(uri)

    def sleep(self, seconds: float) -> None:
        """Nothing: here time passes by itself."""

    def look(self) -> tuple[Any, ...]:
        """What was there before the first attack, as it is now."""
        return tuple(
            {name: now.get(name) for name in before}
            for before, now in zip(self._theirs, self._all(), strict=True)
        )

    def _all(self) -> tuple[dict[str, Any], ...]:
        serving, jobs = self._vertex.serving, self._vertex.jobs
        sites = {
            found.name: (found.display_name, dict(found.labels), found.deployed, dict(found.traffic))
            for found in serving.endpoints(PROJECT, REGION)
        }
        models = {names.bare(name): name for name in serving.models(PROJECT, REGION)}
        return sites, models, {job.name: job.state for job in jobs.labelled(PROJECT, REGION, {})}


@contextmanager
def stopped(process_id: int) -> Iterator[None]:
    """Its children stand still meanwhile: a training that runs on takes no time of this machine."""
    children = Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()
    for child in children:
        os.kill(int(child), signal.SIGSTOP)
    try:
        yield
    finally:
        for child in children:
            os.kill(int(child), signal.SIGCONT)


def test_claims_of_any_content(
    emulator: RunningEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    said: list[str] = []
    monkeypatch.setattr(process, "say", lambda _urn, text, **_: said.append(text))
    for name, value in {"ENDPOINT": emulator.url, "GRACE_SECONDS": "0.2", "POLL_SECONDS": "0.1"}.items():
        monkeypatch.setenv(f"VERTEX_TUNING_{name}", value)
    emulator.admin.project(PROJECT, l4_per_region=1000, tuning_quota=100)
    team = MiniEngine()
    assert team.up(planned(spec_of(write_examples(tmp_path / "prod.jsonl", 8)), "prod")).ok
    world = Embedded(emulator, tmp_path)
    tallies: list[Counter[str]] = []

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def attacked(data: st.DataObject) -> None:
        # A stack and data of its own: what an earlier one has left is there, and is another's.
        number = len(tallies)
        training = write_examples(tmp_path / f"train{number}.jsonl", 9 + number)
        plan, other = (
            planned(spec_of(training, wait=False, tuning={"epochs": epochs}), f"dev{number}")
            for epochs in (1, 2)
        )
        engine = MiniEngine()
        for _ in range(4):
            assert engine.up(plan).ok
        owner = f"tests/dev{number}/tickets"
        tallies.append(play(data, world, engine, commands(engine, plan, other), STEPS, owner))

    with ExitStack() as ending:
        ending.enter_context(stopped(emulator.pid))
        addresses = ending.enter_context(connected())
        attacked()
    steps, by_kind = steps_of(tallies)
    record_property("steps", steps)
    record_property("steps by kind", by_kind)
    assert steps >= EXAMPLES * STEPS, by_kind
    assert addresses == {urlsplit(emulator.url).netloc}, "nobody else was asked"
    assert not any("Traceback" in line for line in said)
    HTTP.post(f"{emulator.url}/v1beta1/{world.job}:cancel", json={})
