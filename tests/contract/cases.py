"""What the suites of the contract submit: data, tuning jobs and machines."""

import json
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.contract import real
from tests.contract.backends import REGION, Backend
from vertex_tuning.catalog import TuningMode, tuning_locations
from vertex_tuning.vertex.client import Job, JobRequest, Logging, MachineRequest
from vertex_tuning.vertex.errors import VertexError

Json = dict[str, Any]
ROWS = 24
"""Of the data that models are trained on."""
L4 = MachineRequest(
    machine_type=real.MACHINE,
    accelerator_type="NVIDIA_L4",
    accelerator_count=1,
    min_replicas=1,
    max_replicas=1,
)
TICKETS = (
    ("I was charged twice for the same order and would like the second payment back.", "billing"),
    ("The parcel should have been here on Tuesday, and nobody answers the phone.", "shipping"),
    ("I cannot sign in since I changed my email address last week.", "accounts"),
    ("The search page stays empty, whatever I look for, on every browser.", "technical"),
)


def sentences(count: int) -> list[Json]:
    """Examples in plain English: tokens are counted on them."""
    found = []
    for n in range(count):
        text, team = TICKETS[n % len(TICKETS)]
        found.append({"prompt": f"Ticket {n}: {text}\nTeam:", "completion": f" {team}"})
    return found


def sums(count: int) -> list[Json]:
    """Examples of one size in bytes."""
    return [{"prompt": f"{n % 8}+1=", "completion": f" {n % 8 + 1}"} for n in range(count)]


def as_contents(row: Json) -> Json:
    """The same example in the form of GenerateContent."""
    turns = (("user", row["prompt"]), ("assistant", row["completion"]))
    return {"contents": [{"role": role, "parts": [{"text": text}]} for role, text in turns]}


def characters(rows: Iterable[Json]) -> int:
    """Those that are trained on."""
    return sum(len(row["prompt"]) + len(row["completion"]) for row in rows)


def put(backend: Backend, folder: Path, rows: Iterable[Json]) -> str:
    """Upload examples and give their URI."""
    path = folder / f"{uuid.uuid4().hex[:8]}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert path.stat().st_size <= real.LARGEST, "the bill counts on less"
    uri = f"{backend.folder}/{path.name}"
    backend.vertex.storage.upload(path, uri)
    return uri


def request(backend: Backend, data: str, **changes: object) -> JobRequest:
    """A small tuning of the cheapest model with both modes."""
    asked = JobRequest(
        display_name=f"contract-{backend.run}",
        base_model=real.MODEL,
        mode=TuningMode.FULL,
        training_uri=data,
        output_uri=f"{backend.folder}/{uuid.uuid4().hex[:8]}",
        epochs=1,
        labels={"contract": backend.run, "case": uuid.uuid4().hex},
    )
    return msgspec.structs.replace(asked, **changes)


def idle(backend: Backend) -> bool:
    """Whether no job runs: the quota is one at once, over all locations."""
    return not any(backend.vertex.jobs.active(backend.project, place) for place in tuning_locations())


def create(backend: Backend, asked: JobRequest, location: str = REGION) -> Job:
    """Submit a job once the one before has ended."""
    backend.until(lambda: idle(backend))
    backend.spent["distillations" if asked.teacher else "tunings"] += 1
    return backend.vertex.jobs.create(backend.project, location, asked)


def refusal(backend: Backend, asked: JobRequest, location: str = REGION) -> VertexError:
    """Why a job is refused; one that is accepted is cancelled, and the test fails."""
    try:
        job = create(backend, asked, location)
    except VertexError as error:
        return error
    backend.vertex.jobs.cancel(job.name)
    pytest.fail(f"{job.name} was accepted")


def ended(backend: Backend, asked: JobRequest) -> Job:
    """A job at its end."""
    name = create(backend, asked).name

    def seen() -> Job | None:
        job = backend.vertex.jobs.get(name)
        return job if job is not None and job.state.ended else None

    job: Job = backend.until(seen)
    return job


class Made(msgspec.Struct, frozen=True):
    """What a deployment in one call made, by the names that its operation answers."""

    endpoint: str
    model: str


def deploy_weights(
    backend: Backend, weights: str, *, psc_projects: tuple[str, ...] | None = None, key: str = ""
) -> Made:
    """Deploy weights in one call, under ids of our choice, which the service may not take."""
    backend.spent["deployments"] += 1
    id_ = f"vt-{key or uuid.uuid4().hex[:8]}"
    name = f"contract-{backend.run}"
    operation = backend.vertex.serving.deploy_weights(
        f"{backend.parent}/endpoints/{id_}", name, id_, name, weights, L4, None, psc_projects=psc_projects
    )
    done = backend.finish(operation)
    return Made(done.endpoint, done.model)


def deploy(backend: Backend, endpoint: str, model: str, **machine: object) -> None:
    """Deploy a registered model, on changed machines; raises what it ended in."""
    backend.spent["deployments"] += 1
    asked = msgspec.structs.replace(L4, **machine)
    serving = backend.vertex.serving
    backend.finish(serving.deploy(endpoint, model, f"contract-{backend.run}", asked, None, Logging()))


def delete(backend: Backend, made: Made) -> None:
    """Take everything off an endpoint that has no traffic to keep, and delete it with its first model."""
    serving = backend.vertex.serving
    live = serving.endpoint(made.endpoint)
    for deployed in live.deployed if live is not None else ():
        backend.finish(serving.undeploy(made.endpoint, deployed.id, {}))
    backend.finish(serving.delete_endpoint(made.endpoint))
    assert serving.endpoint(made.endpoint) is None
    backend.finish(serving.delete_model(made.model))
