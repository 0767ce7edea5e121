"""Vertex AI and Cloud Storage in memory, behind the plugin's own protocols.

Deterministic: the clock moves only when someone waits, ids count up, and what goes wrong is said
beforehand (`world.faults`, `world.operation_faults`, `jobs.failing`, `jobs.lag`). It holds no rule
that the embedded service lacks: `tests/contract` runs on both.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest

from tests.support.command import view_of
from tests.support.fake_jobs import FakeJobs
from tests.support.fake_serving import FakeServing
from tests.support.fake_storage import FakeStorage
from tests.support.fake_world import Clock, Crash, Fault, OperationFault, Served, World, called
from vertex_tuning.lifecycle import Context, process, provider
from vertex_tuning.resources.readiness.checks import LOOKED_AT_BY, SERVICES
from vertex_tuning.vertex import Connection
from vertex_tuning.vertex.claims import Claims
from vertex_tuning.vertex.client import Quota, QuotaRequest
from vertex_tuning.vertex.project import TUNING_QUOTA_ID, serving_quota_id

__all__ = ["Clock", "Crash", "FakeVertex", "Fault", "OperationFault", "plugged"]


class FakeProject(Served):
    """``client.Project`` in memory."""

    kind = "project"

    def __init__(self, world: World, jobs: FakeJobs, serving: FakeServing) -> None:
        super().__init__(world)
        self._jobs = jobs
        self._serving = serving
        self.billing = True
        self.request: QuotaRequest | None = None
        self.services = {*SERVICES, *LOOKED_AT_BY}

    @called
    def billing_enabled(self, project: str) -> bool:
        return self.billing

    @called
    def enabled_services(self, project: str, services: Iterable[str]) -> frozenset[str]:
        return frozenset(services) & self.services

    @called
    def serving_quota(
        self, project: str, region: str, accelerator_type: str, *, preemptible: bool = False
    ) -> Quota:
        limit = self._serving.l4_per_region if accelerator_type == "NVIDIA_L4" else None
        return Quota(limit=limit, name=serving_quota_id(accelerator_type, preemptible=preemptible))

    @called
    def tuning_quota(self, project: str) -> Quota:
        return Quota(limit=self._jobs.quota, name=TUNING_QUOTA_ID, request=self.request)


class FakeVertex:
    """``client.Vertex`` in memory; `context_for` gives providers this instead of Google."""

    def __init__(self, *buckets: str) -> None:
        self.world = World()
        self.clock = self.world.clock
        self.storage = FakeStorage(self.world)
        self.storage.buckets.update(buckets)
        self.jobs = FakeJobs(self.world, self.storage)
        self.serving = FakeServing(self.world, self.storage)
        self.project = FakeProject(self.world, self.jobs, self.serving)
        self.connection = Connection(grace_seconds=120.0, poll_seconds=15.0)

    def context_for(self, output_uri: str) -> Context:
        """Stands for ``vertex_tuning.lifecycle.provider.context_for``."""
        view = view_of(self, self.connection.poll_seconds, self.clock.monotonic)
        claims = Claims(view.storage, output_uri, process.warn)
        return Context(view, claims, self.connection, self.clock)

    def fault(self, call: str, error: BaseException, **how: object) -> None:
        """Let calls go wrong; `how` as in `Fault`."""
        self.world.faults.append(Fault(call, error, **how))  # type: ignore[arg-type]


@contextmanager
def plugged(fake: FakeVertex) -> Iterator[list[str]]:
    """Give providers this fake; what they say to the user is in the list."""
    said: list[str] = []

    def say(_urn: str, text: str, *, passing: bool = False, warning: bool = False) -> None:
        said.append(f"{'warning: ' if warning else ''}{text}{' …' if passing else ''}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(provider, "context_for", fake.context_for)
        patch.setattr(process, "say", say)
        process.COMMAND.warned.clear()  # as in a process of its own
        yield said
