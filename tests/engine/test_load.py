"""Predictions while the model behind an endpoint changes: none is lost, and each says who answered."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from tests.support.emulator import RunningEmulator
from tests.support.stack import Workspace

pytestmark = pytest.mark.engine

CLIENTS = 8
REQUESTS = 1_000
MOST_S = 180.0
PROMPT = {"prompt": "Ticket 1: charged twice.\nTeam:", "max_tokens": 1, "raw_response": True}

Make = Callable[..., Workspace]


@dataclass
class Load:
    """Clients that ask one after the other, each again as soon as it has its answer."""

    url: str
    ended: threading.Event = field(default_factory=threading.Event)
    answers: list[tuple[int, str, bool]] = field(default_factory=list)
    """Of each answer its HTTP status, the deployed model that it names, and whether it predicts."""
    lost: list[str] = field(default_factory=list)
    sent: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, client: httpx.Client) -> None:
        """One request, tried once."""
        with self._lock:
            self.sent += 1
        try:
            answer = client.post(self.url, json={"instances": [PROMPT]})
        except httpx.HTTPError as error:
            self.lost.append(repr(error))
            return
        told = answer.json()
        [text] = told.get("predictions", [None])
        self.answers.append((answer.status_code, told.get("deployedModelId", ""), isinstance(text, str)))

    def client(self) -> None:
        """Ask until it is enough or takes too long."""
        deadline = time.monotonic() + MOST_S
        with httpx.Client(timeout=60, transport=httpx.HTTPTransport(retries=0)) as client:
            while time.monotonic() < deadline and not (self.ended.is_set() and self.sent >= REQUESTS):
                self.ask(client)


def test_no_request_is_lost_while_the_model_changes(
    workspace: Make,
    values: dict[str, Any],
    emulator: RunningEmulator,
    record_property: Callable[[str, object], None],
) -> None:
    stack = workspace(values)
    first = stack.up()
    assert first.ok, first.text
    old = stack.resource("DeployedModel")["deployed_id"]
    [service] = values["services"]
    stack.configure({**values, "services": [{**service, "tuning": {**service["tuning"], "epochs": 2}}]})
    load = Load(f"{stack.outputs()['tickets']['address']}:predict")
    with httpx.Client(timeout=60) as warm:
        load.ask(warm)  # loads the weights
    with ThreadPoolExecutor(CLIENTS) as pool:
        asking = [pool.submit(load.client) for _ in range(CLIENTS)]
        begun, before = time.monotonic(), load.sent
        changed = stack.up()
        during = load.sent - before
        took = time.monotonic() - begun
        load.ended.set()
    for client in asking:
        client.result()
    assert changed.ok, changed.text
    new = stack.resource("DeployedModel")["deployed_id"]
    by_model = Counter(model for _, model, _ in load.answers)
    record_property("requests", load.sent)
    print(
        f"{load.sent} requests by {CLIENTS} clients, {during} of them in the {took:.1f} s of the change; "
        f"the old model answered {by_model[old]}, the new one {by_model[new]}"
    )
    assert load.lost == []
    assert len(load.answers) == load.sent >= REQUESTS
    assert {status for status, _, _ in load.answers} == {200}
    assert all(predicted for _, _, predicted in load.answers)
    assert by_model.keys() == {old, new}, "each answer names the model that gave it, and both gave some"
    assert old != new
