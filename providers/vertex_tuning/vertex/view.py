"""What one command of the engine knows of Google: each thing is asked for once, and shared by all resources.

Reads come from here as long as they are young enough for what they decide (``memo``). What is written goes
on to Google at once and is known here from then on. A claim is changed at the generation that was read, and
every payment comes after such a change, so that an old answer costs a second try and never a wrong effect;
what is deleted, undeployed or cancelled is looked at ``anew`` first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property

from .client import (
    Job,
    JobRequest,
    Losses,
    Project,
    Quota,
    Serving,
    Storage,
    TuningJobs,
    Vertex,
)
from .memo import Memo
from .view_serving import ServingView
from .view_storage import StorageView

PAGE = 100
"""Jobs in one answer of a list."""


class View:
    """``client.Vertex`` for one command.

    Args:
        vertex: what is asked.
        claims_for: seconds for which a claim counts as it was read.
        now: seconds since some moment.
        write_pause: seconds between two writes of one object.
    """

    def __init__(
        self,
        vertex: Vertex,
        claims_for: float,
        now: Callable[[], float] = time.monotonic,
        *,
        write_pause: float = 0.0,
    ) -> None:
        self._vertex = vertex
        self._claims_for = claims_for
        self._write_pause = write_pause
        self._memo = Memo(now)

    @cached_property
    def jobs(self) -> TuningJobs:
        """Tuning jobs."""
        return JobsView(self._vertex.jobs, self._memo)

    @cached_property
    def serving(self) -> Serving:
        """Endpoints and models."""
        return ServingView(self._vertex.serving, self._memo)

    @cached_property
    def storage(self) -> Storage:
        """Objects."""
        return StorageView(self._vertex.storage, self._memo, self._claims_for, self._write_pause)

    @cached_property
    def project(self) -> Project:
        """Prerequisites."""
        return ProjectView(self._vertex.project, self._memo)


class ProjectView:
    """``client.Project`` that asks each thing once."""

    def __init__(self, project: Project, memo: Memo) -> None:
        self._project = project
        self._memo = memo

    def billing_enabled(self, project: str) -> bool:
        """Whether the project has a billing account that is open."""
        return self._memo.get(("billing", project), lambda: self._project.billing_enabled(project))

    def enabled_services(self, project: str, services: Iterable[str]) -> frozenset[str]:
        """Which of these APIs are on."""
        wanted = tuple(services)
        return self._memo.get(
            ("services", project, wanted), lambda: self._project.enabled_services(project, wanted)
        )

    def serving_quota(
        self, project: str, region: str, accelerator_type: str, *, preemptible: bool = False
    ) -> Quota:
        """Accelerators of this type that deployed models may hold in this region."""
        return self._memo.get(
            ("serving quota", project, region, accelerator_type, preemptible),
            lambda: self._project.serving_quota(project, region, accelerator_type, preemptible=preemptible),
        )

    def tuning_quota(self, project: str) -> Quota:
        """Tuning jobs at once: global per project, over all regions and models."""
        return self._memo.get(("tuning quota", project), lambda: self._project.tuning_quota(project))


class JobsView:
    """``client.TuningJobs``: a running job is asked for once a look at most, an ended one once."""

    def __init__(self, jobs: TuningJobs, memo: Memo) -> None:
        self._jobs = jobs
        self._memo = memo
        self._ended: dict[str, Job] = {}
        self._going_on: set[str] = set()
        self._pages: dict[str, int] = {}

    def create(self, project: str, region: str, request: JobRequest) -> Job:
        """Submit."""
        made = self._jobs.create(project, region, request)
        self._memo.put(("job", made.name), made)
        return made

    def get(self, name: str) -> Job | None:
        """The job, or ``None``."""
        if name in self._ended:
            return self._ended[name]
        found = self._memo.get(("job", name), lambda: self._asked(name))
        if found is not None and found.state.ended:
            self._ended[name] = found
            self._going_on.discard(name)
        elif found is not None:
            self._going_on.add(name)
        return found

    def _asked(self, name: str) -> Job | None:
        """The job; where several go on in one place, by one list of the place."""
        place = name.partition("/tuningJobs/")[0]
        others = sum(other.startswith(f"{place}/") for other in self._going_on)
        if others > 1 and self._pages.get(place, 1) < others:
            found = self._listed(place)
            if name in found:
                return found[name]
        return self._jobs.get(name)

    def _listed(self, place: str) -> dict[str, Job]:
        def ask() -> dict[str, Job]:
            _, project, _, region = place.split("/")
            return {job.name: job for job in self._jobs.labelled(project, region, {})}

        found = self._memo.get(("jobs", place), ask)
        self._pages[place] = 1 + len(found) // PAGE
        return found

    def labelled(self, project: str, region: str, labels: Mapping[str, str]) -> tuple[Job, ...]:
        """Jobs that carry all these labels, always asked for: a job that is overlooked is paid for twice."""
        return self._jobs.labelled(project, region, labels)

    def losses(self, experiment: str, *, validated: bool = True) -> Losses | None:
        """The losses that a job's ``experiment`` holds so far; ``None`` when it leads to none."""
        return self._memo.get(
            ("losses", experiment, validated),
            lambda: self._jobs.losses(experiment, validated=validated),
            settled=True,
        )

    def cancel(self, name: str) -> None:
        """Ask for the end; a job that has ended or is gone is left as it is."""
        try:
            self._jobs.cancel(name)
        finally:
            self._memo.changed(("job", name))

    def active(self, project: str, region: str) -> tuple[Job, ...]:
        """The jobs that wait or run. The list may lag behind ``create``."""
        return self._memo.get(("active", project, region), lambda: self._jobs.active(project, region))
