"""The regional job that the service makes for a job at `global`: another name of the same record.

Whatever happens to one is seen on both, and quota counts the record once.
"""

from typing import Any

import msgspec

from vertex_emulator.catalog import GLOBAL, GLOBAL_REGION
from vertex_emulator.jobs import operations
from vertex_emulator.store.projects import Project
from vertex_emulator.store.resources import Kind, Record
from vertex_emulator.store.store import Store

Json = dict[str, Any]
_NAME = "regional"


def parent_of(record: Record) -> str:
    """The region, as a parent, in which a job runs: what it makes has this in its name."""
    return str(record.private.get(_NAME, record.name)).rpartition(f"/{Kind.TUNING_JOB.value}/")[0]


def beside(parent: str) -> Json:
    """What a new job remembers of its regional job; nothing in a region."""
    project, _, location = parent.rpartition("/")
    if location != GLOBAL:
        return {}
    return {_NAME: f"{project}/{GLOBAL_REGION}/{Kind.TUNING_JOB.value}/{operations.new_id()}"}


def jobs(store: Store, project: Project, location: str) -> list[Record]:
    """The jobs of a location, newest first, with the regional jobs of those at `global`."""
    found = store.resources.children(Kind.TUNING_JOB, project.location(location))
    if location != GLOBAL_REGION:
        return found
    at_global = store.resources.children(Kind.TUNING_JOB, project.location(GLOBAL))
    seen = [shown(record, record.private[_NAME]) for record in at_global if _NAME in record.private]
    return sorted([*found, *seen], key=lambda record: -record.seq)


def job(store: Store, project: Project, name: str) -> Record:
    """The record of a job by either of its names. Raises ApiError NOT_FOUND."""
    found = store.resources.find(name)
    if found is None:
        at_global = store.resources.children(Kind.TUNING_JOB, project.location(GLOBAL))
        found = next((each for each in at_global if each.private.get(_NAME) == name), None)
    return found if found is not None else store.resources.get(name)


def shown(record: Record, name: str) -> Record:
    """The record as it is seen under one of its names."""
    return msgspec.structs.replace(record, body={**record.body, "name": name})
