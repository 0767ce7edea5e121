"""The whole service and its token endpoint do not answer for a while: `up` goes on and pays for nothing twice.

VERTEX_TUNING_TEST_OUTAGE_S makes the two outages longer than a few seconds; with 180 it ends green, too.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import make_bucket
from tests.support.cloud import Cloud
from tests.support.emulator import RunningEmulator, emulator_fixture
from tests.support.google_hosts import google_hosts
from tests.support.hosts import foreign
from tests.support.kill import UP, settled
from tests.support.running import start
from tests.support.stack import Workspace
from tests.support.tokens import token_service

pytestmark = pytest.mark.engine

OUTAGE_S = float(os.environ.get("VERTEX_TUNING_TEST_OUTAGE_S", "12"))
COMES_S = 180.0
ENDS_S = 300.0
SERVICES = 20
PER_MINUTE = 1200
"""Twice Google's quota, so that the test takes a minute or two: this many services send more than that."""

emulator = emulator_fixture("real", ready=make_bucket)
"""One that takes its time, so that there is something to wait for."""


def until(seen: Callable[[], bool], seconds: float, text: Callable[[], str]) -> None:
    deadline = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < deadline, text()
        time.sleep(0.1)


def asked(emulator: RunningEmulator, call: str, since: int) -> bool:
    return emulator.admin.count("POST", call, since) > 0


def test_an_up_outlasts_an_outage_of_everything(
    workspace: Callable[..., Workspace],
    values: dict[str, Any],
    emulator: RunningEmulator,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """As on Google's own hosts: over TLS, with a service account's tokens, which are asked for again each time."""
    del values["target"]
    since = emulator.admin.last_request()
    with token_service() as tokens, google_hosts(emulator.url, tmp_path) as google:
        tokens.status, tokens.expires_in = 200, 60
        (tmp_path / "key.json").write_text(json.dumps(tokens.key))
        credentials = {"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "key.json")}
        pace = {"VERTEX_TUNING_POLL_SECONDS": "0.5", "VERTEX_TUNING_GRACE_SECONDS": "5"}
        stack = replace(
            workspace(values), endpoint=None, variables={**google.variables, **credentials, **pace}
        )
        running = start(stack, *UP)
        try:
            for call, status in (("/tuningJobs", 503), (":deploy", 0)):
                until(partial(asked, emulator, call, since), COMES_S, lambda: running.text)
                emulator.admin.fault(".*", "fail_before", status=503, times=None)
                tokens.status = status
                time.sleep(OUTAGE_S)
                tokens.status = 200
                emulator.admin.clear_faults()
            assert running.ended(ENDS_S) is not None, running.text
        finally:
            running.sweep()
    assert running.process.returncode == 0, running.text
    assert "Google has not answered for" in running.text
    assert "still waiting" in running.text
    assert {0, 200, 503} == set(tokens.asked)
    assert foreign(list(google.hosts)) == set()
    assert google.anonymous == []
    assert settled(stack)
    made = [emulator.admin.count("POST", call, since) for call in ("/tuningJobs", ":deploy")]
    assert made == [1, 1], "and nothing was paid for twice"
    record_property("outages", f"2 x {OUTAGE_S:.0f} s, {len(tokens.asked)} tokens asked for")
    record_property("requests", dict(google.hosts))


@pytest.mark.evidence("quotas.requests", side="plugin")
def test_requests_that_are_refused_by_the_minute_fail_no_up(
    workspace: Callable[..., Workspace],
    values: dict[str, Any],
    emulator: RunningEmulator,
    record_property: Callable[[str, object], None],
) -> None:
    """Twenty services, and nothing that slows them down on this side (as for an embedded service)."""
    project = values["project"]
    tuned = workspace({**values, "services": [{**values["services"][0], "serve": False}]})
    assert tuned.up().ok
    weights = tuned.outputs()["tickets"]["artifacts_uri"]
    emulator.admin.project(project, l4_per_region=2 * SERVICES, requests_per_minute=PER_MINUTE)
    since = emulator.admin.last_request()
    try:
        stack = workspace(
            {**values, "services": [{"name": f"many-{n}", "artifacts_uri": weights} for n in range(SERVICES)]}
        )
        ran = stack.run(*UP, timeout=900)
    finally:
        emulator.admin.project(project, requests_per_minute=0)
    assert ran.ok, ran.text
    assert settled(stack)
    refused = sum(call["status"] == 429 for call in emulator.admin.requests(since))
    record_property("refused", refused)
    deployed = [len(models) for models in Cloud(emulator, project).endpoints().values()]
    assert deployed == [1] * SERVICES
