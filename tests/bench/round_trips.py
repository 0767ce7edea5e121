"""Calls and seconds of each command at a distance: services with given weights, 100 ms from Google.

    python -m tests.bench.round_trips [--services 20] [--away 0.1]

The seconds are held against a plain script that makes the same deployments with the same client: the steps of a
service one after the other, the services side by side. Calls are printed by kind. Exits with 1 when a bound is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.bench.run import seconds, told
from tests.support.calls import kind_of
from tests.support.emulator import RunningEmulator, start_emulator
from tests.support.plain import FAKE_WEIGHTS, Plain
from tests.support.stack import Workspace
from vertex_tuning.vertex import Connection, connect
from vertex_tuning.vertex.client import MachineRequest

PROGRAM = """
import pulumi
from vertex_tuning import TunedModelService, speed_up
speed_up()
for n in range({services}):
    TunedModelService(
        f"s{{n}}", project="{project}", region="us-central1", output_uri="gs://{bucket}/models",
        artifacts_uri=f"gs://{bucket}/w{{n}}", serving={{}},
    )
"""
MACHINE = MachineRequest(
    machine_type="g2-standard-12",
    accelerator_type="NVIDIA_L4",
    accelerator_count=1,
    min_replicas=1,
    max_replicas=1,
)


@dataclass(frozen=True)
class Bound:
    """Calls a service, calls for all, and seconds or times the plain script's."""

    each: int
    shared: int
    seconds: float | None = None
    times: float | None = None


BOUNDS = {
    "first preview": Bound(1, 10, seconds=4.0),
    "first up": Bound(15, 10, times=3.0),
    "unchanged preview": Bound(0, 0),
    "refresh": Bound(3, 10, seconds=4.0),
    "destroy": Bound(14, 10, times=3.0),
}


def plain_script(emulator: RunningEmulator, plain: Plain, services: int) -> dict[str, float]:
    """Seconds of a script that knows what it wants and asks nothing before."""
    serving = connect(Connection(endpoint=emulator.url)).serving
    place = plain.location

    def ended(operation: str | None) -> None:
        while operation is not None and not ((seen := serving.operation(operation)) is None or seen.done):
            time.sleep(0.1)

    def deploy(n: int) -> None:
        endpoint = f"{place}/endpoints/plain-{n}"
        weights = f"gs://{plain.bucket}/w{n}"
        ended(serving.deploy_weights(endpoint, f"p{n}", f"plain-{n}", f"p{n}", weights, MACHINE, None))
        serving.patch_endpoint(endpoint, labels={"team": "bench"})

    def destroy(n: int) -> None:
        endpoint = f"{place}/endpoints/plain-{n}"
        found = serving.endpoint(endpoint)
        for deployed in found.deployed if found else ():
            ended(serving.undeploy(endpoint, deployed.id, {}))
        ended(serving.delete_endpoint(endpoint))
        ended(serving.delete_model(f"{place}/models/plain-{n}"))

    def side_by_side(step: Callable[[int], None]) -> None:
        with ThreadPoolExecutor(services) as pool:
            list(pool.map(step, range(services)))

    return {
        "first up": seconds(lambda: side_by_side(deploy)),
        "destroy": seconds(lambda: side_by_side(destroy)),
    }


def measure(folder: Path, services: int, away: float) -> bool:
    """Every command once; false if a bound is missed."""
    emulator = start_emulator(folder / "emulator", "--speed", "instant")
    good = True
    try:
        plain = Plain(emulator.url, "bench-calls")
        for n in range(services):
            for name, content in FAKE_WEIGHTS.items():
                plain.put(f"w{n}/{name}", content)
        emulator.admin.project(plain.project, l4_per_region=10 * services)
        stack = Workspace.make(
            folder / "stack",
            emulator.url,
            PROGRAM.format(services=services, project=plain.project, bucket=plain.bucket),
        )
        emulator.admin.fault("^/(?!emulator)", "hang", times=None, seconds=away)
        peer = plain_script(emulator, plain, services)
        commands = {
            "first preview": stack.preview,
            "first up": stack.up,
            "unchanged preview": stack.preview,
            "refresh": stack.refresh,
            "destroy": stack.destroy,
        }
        for name, command in commands.items():
            since = emulator.admin.last_request()
            begun = time.perf_counter()
            ran = command()
            taken = time.perf_counter() - begun
            assert ran.ok, ran.text
            calls = Counter(kind_of(call) for call in emulator.admin.requests(since))
            calls = Counter({kind: n for kind, n in calls.items() if "/emulator/" not in kind})
            good &= _held(name, BOUNDS[name], services, calls, taken, peer.get(name))
    finally:
        emulator.stop()
    return good


def _held(
    name: str, bound: Bound, services: int, calls: Counter[str], taken: float, peer: float | None
) -> bool:
    good = told(f"{name}, calls", calls.total(), services * bound.each + bound.shared, "calls")
    for kind, number in calls.most_common():
        print(f"    {number:4d} {kind}")
    good &= told(f"{name}, time", taken, bound.seconds, "s")
    if peer is not None and bound.times is not None:
        good &= told(f"{name} / plain script ({peer:.1f} s)", taken / peer, bound.times)
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description="Calls and seconds of each command at a distance.")
    parser.add_argument("--services", type=int, default=20)
    parser.add_argument("--away", type=float, default=0.1, help="seconds that each call takes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return 0 if measure(Path(folder), options.services, options.away) else 1


if __name__ == "__main__":
    sys.exit(main())
