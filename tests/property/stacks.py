"""Two stacks that may want the same tuning, and what must hold of them whatever happens."""

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.declared import planned, spec_of
from tests.support.fake import Crash, FakeVertex
from tests.support.fake_jobs import Tuning
from tests.support.fake_serving import Site
from tests.support.fake_world import canonical
from tests.support.mini_engine import MiniEngine, Ran
from vertex_tuning.plan import ServicePlan
from vertex_tuning.vertex.client import JobState

BAD = (JobState.FAILED, JobState.CANCELLED)


@dataclass
class Stack:
    """One stack: what its file says, its state, and what a person has done behind its back."""

    name: str
    data: Path
    engine: MiniEngine = field(default_factory=MiniEngine)
    tuning: dict[str, Any] = field(default_factory=dict)
    service: dict[str, Any] = field(default_factory=dict)
    touched: bool = False
    """Someone changed its endpoint by hand since it was last mended."""
    served: bool = False
    """Something has served on its endpoint, and was not taken away on purpose since."""
    half_gone: bool = False
    """A destroy was cut off, and the state was not refreshed since: Pulumi keeps what it held before."""

    @property
    def plan(self) -> ServicePlan:
        return planned(spec_of(self.data, tuning=self.tuning, **self.service), self.name)

    @property
    def waits(self) -> bool:
        return bool(self.service.get("wait", True))

    def site(self, fake: FakeVertex) -> Site | None:
        name = self.plan.endpoint_name
        return fake.serving.sites.get(canonical(name)) if name else None

    def job(self, fake: FakeVertex) -> Tuning | None:
        """The tuning job that the state names."""
        entry = self.engine.live("job")
        return fake.jobs.all.get(str(entry.outputs.get("job"))) if entry else None

    def up(self, replace: tuple[str, ...] = ()) -> Ran | None:
        """One `up`, with `--replace` of these; none when it was killed."""
        with suppress(Crash):
            return self.engine.up(self.plan, replace=replace)
        return None

    def is_served(self, fake: FakeVertex) -> bool:
        """All traffic of an endpoint in the state, of the old one until a new one serves, goes to what is there."""
        names = (str(entry.outputs["endpoint"]) for entry in self.engine.state if entry.name == "endpoint")
        sites = (fake.serving.sites.get(canonical(name)) for name in names)
        return any(site and sum(site.traffic.get(id_, 0) for id_ in site.deployed) == 100 for site in sites)

    def is_as_declared(self, fake: FakeVertex) -> bool:
        """Every phase is ready, and the endpoint serves the asked model, and only it, with all the traffic."""
        plan, site = self.plan, self.site(fake)
        if site is None or any(entry.outputs["phase"] != "ready" for entry in self.engine.state):
            return False
        models = {id_: deployed.model.rsplit("/", 1)[1] for id_, deployed in site.deployed.items()}
        return (
            list(models.values()) == [plan.declared["deployed"]["model_id"]]
            and site.traffic == dict.fromkeys(models, 100)
            and {deployed.max_replicas for deployed in site.deployed.values()}
            == {plan.declared["deployed"]["max_replicas"]}
            and site.labels.items() >= plan.declared["endpoint"]["labels"].items()
        )


def paid_for(fake: FakeVertex) -> dict[str, list[Tuning]]:
    """Per fingerprint and output folder, the jobs that run or have succeeded: more than one is money thrown away."""
    found: dict[str, list[Tuning]] = {}
    for job in fake.jobs.all.values():
        if job.state not in BAD and not job.cancelling:
            found.setdefault(job.request.output_uri, []).append(job)
    return found
