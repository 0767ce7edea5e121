"""Distillation: a student learns a teacher's answers, and the answers are left in the output folder."""

import json
from typing import Any

import httpx
import pytest
from google import genai
from google.genai import types
from google.oauth2.credentials import Credentials

from tests.support.plain import REGION, Plain
from vertex_tuning.catalog import LABELLED, TuningMode
from vertex_tuning.vertex import Connection, connect
from vertex_tuning.vertex.client import JobRequest

TEACHER, STUDENT = "deepseek-ai/deepseek-v3.2-maas", "qwen/qwen3@qwen3-4b"


def put_prompts(plain: Plain) -> str:
    rows = [{"prompt": f"{n}+1=", "completion": " ?"} for n in range(8)]
    plain.put("prompts.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    return f"gs://{plain.bucket}/prompts.jsonl"


def distilled(plain: Plain, **changes: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {"baseTeacherModel": TEACHER, "promptDatasetUri": put_prompts(plain)}
    spec |= {"tuningMode": "TUNING_MODE_FULL", "hyperParameters": {"epochCount": "1"}}
    return {"baseModel": STUDENT, "outputUri": f"gs://{plain.bucket}/out", "distillationSpec": spec | changes}


REFUSED = [
    ({"baseTeacherModel": "google/gemini-pro"}, "Teacher model", "a model that is no teacher"),
    ({"trainingUri": "gs://b/x"}, "Unknown name 'trainingUri'", "a field that nobody knows"),
    ({"promptDatasetUri": "gs://nowhere-at-all/x"}, "nowhere-at-all", "data that are not there"),
]


@pytest.mark.evidence("jobs.distillation", side="service")
@pytest.mark.parametrize(("change", "said", "why"), REFUSED, ids=[case[2] for case in REFUSED])
def test_what_is_no_distillation_is_refused(
    plain: Plain, change: dict[str, Any], said: str, why: str
) -> None:
    answer = httpx.post(
        f"{plain.url}/v1beta1/{plain.location}/tuningJobs", json=distilled(plain, **change), timeout=60
    )

    assert answer.status_code in (400, 404), why
    assert said in answer.json()["error"]["message"]


@pytest.mark.evidence("jobs.distillation", side="service")
@pytest.mark.filterwarnings("ignore:The SDK's tuning implementation is experimental")
def test_googles_documented_client_distils(plain: Plain) -> None:
    client = genai.Client(
        vertexai=True,
        project=plain.project,
        location=REGION,
        credentials=Credentials(token="x"),  # type: ignore[no-untyped-call]  # noqa: S106
        http_options=types.HttpOptions(base_url=plain.url),
    )
    job = client.tunings.tune(
        base_model=STUDENT,
        training_dataset=types.TuningDataset(gcs_uri=put_prompts(plain)),
        config=types.CreateTuningJobConfig(
            method=types.TuningMethod.DISTILLATION,
            base_teacher_model=TEACHER,
            epoch_count=1,
            tuning_mode=types.TuningMode.TUNING_MODE_FULL,
            output_uri=f"gs://{plain.bucket}/out",
        ),
    )

    ended = plain.ended(plain.ok("GET", f"v1beta1/{job.name}"))

    assert ended["state"] == "JOB_STATE_SUCCEEDED"
    assert ended["distillationSpec"]["baseTeacherModel"] == TEACHER
    labelled = httpx.get(f"{plain.url}/storage/v1/b/{plain.bucket}/o/out%2F{LABELLED}?alt=media").text
    rows = [json.loads(line) for line in labelled.splitlines()]
    assert [row["prompt"] for row in rows] == [f"{n}+1=" for n in range(8)]
    assert any(row["completion"] != " ?" for row in rows), "the teacher's answers, not those of the data"


@pytest.mark.evidence("jobs.distillation", side="plugin")
def test_the_plugin_reads_back_what_it_asked_for(plain: Plain) -> None:
    jobs = connect(Connection(endpoint=plain.url)).jobs
    request = JobRequest(
        display_name="d",
        base_model=STUDENT,
        mode=TuningMode.FULL,
        training_uri=put_prompts(plain),
        output_uri=f"gs://{plain.bucket}/out",
        epochs=2,
        labels={"a": "b"},
        teacher=TEACHER,
    )

    made = jobs.create(plain.project, REGION, request)

    for job in (made, jobs.get(made.name), *jobs.labelled(plain.project, REGION, {"a": "b"})):
        assert job is not None
        assert (job.teacher, job.base_model, job.training_uri) == (TEACHER, STUDENT, request.training_uri)
        assert (job.mode, job.epochs) == (TuningMode.FULL, 2)
    jobs.cancel(made.name)
