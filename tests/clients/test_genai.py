"""google-genai's view on tuning jobs."""

from typing import Any

import pytest
from google import genai
from google.genai import types
from google.oauth2.credentials import Credentials

from tests.support.plain import BASE, REGION, Plain


def client(plain: Plain) -> genai.Client:
    return genai.Client(
        vertexai=True,
        project=plain.project,
        location=REGION,
        credentials=Credentials(token="x"),  # type: ignore[no-untyped-call]  # noqa: S106
        http_options=types.HttpOptions(base_url=plain.url, api_version="v1beta1"),
    )


def test_jobs_are_fetched_and_listed(plain: Plain) -> None:
    job = plain.ended(plain.tune())
    genai_client: Any = client(plain)

    fetched = genai_client.tunings.get(name=job["name"])
    listed = list(genai_client.tunings.list(config={"page_size": 1}))

    assert fetched.state == types.JobState.JOB_STATE_SUCCEEDED
    assert fetched.tuned_model.model == job["tunedModel"]["model"]
    assert [item.name for item in listed] == [job["name"]]


@pytest.mark.filterwarnings("ignore:The SDK's tuning implementation is experimental")
def test_an_open_model_is_tuned(plain: Plain) -> None:
    genai_client: Any = client(plain)

    job = genai_client.tunings.tune(
        base_model=BASE,
        training_dataset=types.TuningDataset(gcs_uri=plain.rows()),
        config=types.CreateTuningJobConfig(
            tuned_model_display_name="by genai",
            tuning_mode=types.TuningMode.TUNING_MODE_PEFT_ADAPTER,
            adapter_size=types.AdapterSize.ADAPTER_SIZE_FOUR,
            epoch_count=1,
            output_uri=f"gs://{plain.bucket}/out",
            labels={"team": "blue"},
        ),
    )

    ended = plain.ended(plain.ok("GET", f"v1beta1/{job.name}"))
    assert ended["state"] == "JOB_STATE_SUCCEEDED", ended
    assert (ended["tunedModelDisplayName"], ended["labels"]) == ("by genai", {"team": "blue"})
    parameters = ended["supervisedTuningSpec"]["hyperParameters"]
    assert parameters == {"epochCount": "1", "adapterSize": "ADAPTER_SIZE_FOUR"}


def test_jobs_are_cancelled(plain: Plain) -> None:
    job = plain.tune(spec={"hyperParameters": {"epochCount": "100"}})

    genai_client = client(plain)
    genai_client.tunings.cancel(name=job["name"])

    assert plain.ended(job)["state"] == "JOB_STATE_CANCELLED"
