"""The embedded Vertex AI as a process of its own, for tests on this side of the wire."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest

Json = dict[str, Any]
_START_S = 30.0
_STOP_S = 10.0
HTTP = httpx.Client(timeout=60)
"""Shared by all tests of a process: making a client costs more than most calls."""
CACHE = Path(__file__).parents[2] / ".cache" / "emulator"


@dataclass(frozen=True)
class Admin:
    """The emulator's own surface under `/emulator/`; paths and bodies as its documentation has them."""

    url: str

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """One call; anything but success is an error of the test."""
        response = HTTP.request(method, f"{self.url}/emulator/{path}", json=body)
        response.raise_for_status()
        answer: Json = response.json()
        return answer

    def project(self, project: str, **settings: Any) -> Json:
        """Change a project: billing_enabled, services, tuning_quota, l4_per_region, quota_grant_limit."""
        return self.call("PUT", f"projects/{project}", settings)

    def requests(self, since: int = 0) -> list[Json]:
        """Served calls with a number above `since`: seq, method, path, status."""
        found: list[Json] = self.call("GET", f"requests?since={since}")["requests"]
        return found

    def last_request(self) -> int:
        """The number of the latest call so far: give it to `requests` to see only what comes after."""
        last: int = self.call("GET", "requests")["last"]
        return last

    def count(self, method: str, suffix: str, since: int = 0) -> int:
        """How many served calls have this method and a path that ends so."""
        return sum(
            entry["method"] == method and entry["path"].endswith(suffix) for entry in self.requests(since)
        )

    def fault(
        self,
        path: str,
        action: str,
        *,
        method: str | None = None,
        nth: int = 1,
        times: int | None = 1,
        **details: Any,
    ) -> None:
        """Add one rule: from the `nth` call that matches on, `times` calls go wrong (None: all)."""
        rule = {"path": path, "method": method, "nth": nth, "times": times}
        self.call("POST", "faults", {"rules": [{**rule, "action": {"type": action, **details}}]})

    def faults(self) -> list[Json]:
        """The rules in force with how many calls each has matched."""
        found: list[Json] = self.call("GET", "faults")["rules"]
        return found

    def clear_faults(self) -> None:
        """No more faults."""
        self.call("DELETE", "faults")

    def pass_time(self, seconds: float) -> None:
        """Move the service's clock ahead."""
        self.call("POST", "clock", {"ahead_s": seconds})

    def prices(self, *services: Json) -> None:
        """Fill the Cloud Billing Catalog, as `price_list` has it; without services it is empty again."""
        self.call("PUT", "prices", {"services": services})

    def progress(self, job: str) -> Json:
        """The training worker's report on a tuning job, by the job's id or full name."""
        return self.call("GET", f"jobs/{job.rpartition('/')[2]}/progress")


@dataclass(frozen=True)
class RunningEmulator:
    """A server that listens."""

    url: str
    pid: int
    data: Path
    log: Path
    process: "subprocess.Popen[bytes]"
    dedicated: str

    @property
    def admin(self) -> Admin:
        """The emulator's own surface."""
        return Admin(self.url)

    def stop(self) -> int:
        """End it the gentle way; gives its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_STOP_S)

    def kill(self) -> None:
        """End it the hard way, as a power cut would."""
        self.process.kill()
        self.process.wait(_STOP_S)


def start_emulator(data_dir: Path, *args: str, port: int = 0) -> RunningEmulator:
    """Start a server on a free port over a data folder and wait until it listens.

    `args` go to `vertex-emulator serve`, such as `"--speed", "instant"`. All servers share one base model,
    which takes half a minute to make. Raises RuntimeError with its output when it does not come up.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    ready, log = data_dir / "ready.json", data_dir / "server.log"
    ready.unlink(missing_ok=True)
    command: Sequence[str] = (
        *(sys.executable, "-m", "vertex_emulator.cli", "serve", "--port", str(port)),
        *("--data", str(data_dir), "--ready-file", str(ready), "--cache", str(CACHE), *args),
    )
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=output,
        )
    deadline = time.monotonic() + _START_S
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            process.wait()
            raise RuntimeError(f"the emulator did not start: {log.read_text()}")
        time.sleep(0.02)
    told = json.loads(ready.read_text())
    return RunningEmulator(told["url"], told["pid"], data_dir, log, process, told["dedicated"])


def emulator_fixture(
    speed: Literal["real", "fast", "instant"] = "instant",
    *,
    scope: Literal["session", "module", "function"] = "module",
    ready: Callable[[str], object] = lambda _: None,
) -> Any:
    """A fixture that runs a server: ``emulator = emulator_fixture()``.

    With another ``speed`` states last longer, so that there is something to wait for. ``ready`` is called
    with the server's address before the first test sees it.
    """

    @pytest.fixture(scope=scope)
    def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
        running = start_emulator(tmp_path_factory.mktemp("emulator"), "--speed", speed)
        try:
            ready(running.url)
            yield running
        finally:
            running.stop()

    return emulator
