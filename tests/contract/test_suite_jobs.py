"""Tuning jobs: what the plugin relies on, of every Vertex."""

import json
import math
import uuid
from pathlib import Path

import pytest

from tests.contract import cases, real
from tests.contract.backends import REGION, Backend, Wire
from vertex_tuning import checkpoints
from vertex_tuning.catalog import FINAL, GLOBAL, LABELLED, TuningMode, billed_tokens, tuning_locations
from vertex_tuning.vertex.client import Job, JobState, counted_once
from vertex_tuning.vertex.errors import FailedPrecondition, InvalidRequest, NotFound

FACTOR = 2.0
"""How far counted and estimated tokens may be apart: short examples carry a chat template each."""
KEY = f"projects/p/locations/{REGION}/keyRings/r/cryptoKeys/k"
LONG_ID = "publishers/meta/models/llama3_1@llama-3.1-8b"


@pytest.fixture(scope="session")
def adapted(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """An adapter, tuned on data in the form of GenerateContent, at its end."""
    rows = [cases.as_contents(row) for row in cases.sentences(cases.ROWS)]
    uri = cases.put(backend, tmp_path_factory.mktemp("data"), rows)
    return cases.ended(backend, cases.request(backend, uri, mode=TuningMode.PEFT_ADAPTER, adapter_size=16))


class TestTuned:
    def test_what_was_asked_for_is_read_back(
        self, backend: Backend, trained: Job, data: str, held_out: str
    ) -> None:
        assert (trained.base_model, trained.mode, trained.epochs) == (real.MODEL, TuningMode.FULL, 1)
        assert (trained.training_uri, trained.validation_uri) == (data, held_out)
        assert (trained.batch_size, trained.learning_rate) == (2, 0.001)
        assert trained.custom_base_model is None
        assert set(trained.labels) >= {"contract", "case"}

    def test_the_weights_are_where_the_guide_says(self, backend: Backend, trained: Job) -> None:
        names = {
            blob.uri.rsplit("/", 1)[1]
            for blob in backend.vertex.storage.listed(f"{trained.output_uri}/{FINAL}")
        }
        assert "config.json" in names
        assert any(name.endswith(".safetensors") for name in names)

    @pytest.mark.evidence("jobs.checkpoints", side="service")
    @pytest.mark.evidence("jobs.checkpoints", side="contract")
    def test_intermediate_checkpoints_are_full_sets_of_weights(self, backend: Backend, trained: Job) -> None:
        folder = checkpoints.folder_of(trained.output_uri)
        uris = [blob.uri for blob in backend.vertex.storage.listed(folder)]
        last = {uri.removeprefix(f"{folder}/final/") for uri in uris if uri.startswith(f"{folder}/final/")}
        found = checkpoints.intermediate(uris, trained.output_uri)
        assert 1 <= len(found) <= checkpoints.MOST, "one for each epoch below ten"
        for number, others in found.items():
            at = f"{checkpoints.uri_of(trained.output_uri, number)}/"
            assert {uri.removeprefix(at) for uri in others} == last

    @pytest.mark.evidence("jobs.checkpoints", side="contract")
    def test_a_checkpoint_is_tuned_on_from_by_its_number(
        self, backend: Backend, trained: Job, data: str
    ) -> None:
        uris = [blob.uri for blob in backend.vertex.storage.listed(checkpoints.folder_of(trained.output_uri))]
        number = max(checkpoints.intermediate(uris, trained.output_uri))
        start = checkpoints.uri_of(trained.output_uri, number)
        job = cases.create(backend, cases.request(backend, data, custom_base_model=start))
        backend.vertex.jobs.cancel(job.name)
        assert job.custom_base_model == start

    @pytest.mark.evidence("jobs.label-filter", side="contract")
    def test_it_is_found_by_its_labels_and_by_no_others(self, backend: Backend, trained: Job) -> None:
        found = backend.vertex.jobs.labelled(backend.project, REGION, dict(trained.labels))
        assert [job.name for job in found] == [trained.name]
        assert backend.vertex.jobs.labelled(backend.project, REGION, {"contract": "other"}) == ()

    @pytest.mark.evidence("jobs.experiment", side="contract")
    def test_its_experiment_has_both_losses(self, backend: Backend, trained: Job) -> None:
        losses = backend.vertex.jobs.losses(trained.experiment)
        assert losses is not None
        assert losses.training
        assert losses.validation
        assert all(point.value > 0 for point in (*losses.training, *losses.validation))

    @pytest.mark.evidence("data.generate-content", side="contract")
    def test_data_in_the_form_of_generate_content_are_trained_on(self, adapted: Job) -> None:
        assert (adapted.state, adapted.mode) == (JobState.SUCCEEDED, TuningMode.PEFT_ADAPTER), adapted.reason

    @pytest.mark.evidence("prices.tokens", side="service")
    @pytest.mark.evidence("prices.tokens", side="contract")
    @pytest.mark.parametrize("tuned", ["trained", "adapted"])
    def test_tokens_are_counted_about_as_they_are_estimated(
        self, backend: Backend, wire: Wire, request: pytest.FixtureRequest, tuned: str
    ) -> None:
        job: Job = request.getfixturevalue(tuned)
        stats = wire.ok("GET", f"v1beta1/{job.name}")["tuningDataStats"]["supervisedTuningDataStats"]
        counted = int(stats["totalBillableTokenCount"])
        size = cases.characters(cases.sentences(cases.ROWS))
        estimated = billed_tokens(job.base_model, str(job.mode), size) * job.epochs
        assert abs(math.log(counted / estimated)) <= math.log(FACTOR), f"{counted} and not {estimated}"


class TestDistilled:
    @pytest.mark.evidence("jobs.distillation", side="contract")
    def test_a_student_learns_a_teachers_answers(self, backend: Backend, tmp_path: Path) -> None:
        prompts = cases.sentences(real.PROMPTS)
        asked = cases.request(
            backend, cases.put(backend, tmp_path, prompts), base_model=real.STUDENT, teacher=real.TEACHER
        )
        job = cases.ended(backend, asked)
        assert (job.state, job.teacher, job.base_model) == (
            JobState.SUCCEEDED,
            real.TEACHER,
            real.STUDENT,
        ), job.reason
        found = backend.vertex.storage.read(f"{job.output_uri}/{LABELLED}")
        assert found is not None
        assert len([json.loads(line) for line in found[0].splitlines()]) == len(prompts)

    @pytest.mark.evidence("jobs.distillation", side="contract")
    def test_no_other_model_teaches(self, backend: Backend, data: str) -> None:
        asked = cases.request(backend, data, base_model=real.STUDENT, teacher=real.MODEL)
        assert isinstance(cases.refusal(backend, asked), InvalidRequest)


class TestLife:
    @pytest.mark.evidence("jobs.long-ids", side="contract")
    def test_one_under_the_long_id_is_cancelled_and_an_ended_one_left(
        self, backend: Backend, data: str
    ) -> None:
        job = cases.create(backend, cases.request(backend, data, base_model=LONG_ID))
        backend.vertex.jobs.cancel(job.name)
        assert job.base_model == real.MODEL, "whichever form it comes back in"

        def ended() -> bool:
            seen = backend.vertex.jobs.get(job.name)
            return seen is not None and seen.state is JobState.CANCELLED

        backend.until(ended)
        backend.vertex.jobs.cancel(job.name)

    def test_what_is_not_there(self, backend: Backend) -> None:
        nowhere = f"{backend.parent}/tuningJobs/1"
        assert backend.vertex.jobs.get(nowhere) is None
        backend.vertex.jobs.cancel(nowhere)


REFUSED = [
    pytest.param(
        {"output_uri": ""},
        REGION,
        id="nowhere to write to",
        marks=pytest.mark.evidence("jobs.output-uri", side="contract"),
    ),
    pytest.param(
        {"base_model": "meta/llama3_1"},
        REGION,
        id="no version",
        marks=pytest.mark.evidence("jobs.version-in-id", side="contract"),
    ),
    pytest.param(
        {"base_model": real.STUDENT, "mode": TuningMode.PEFT_ADAPTER},
        REGION,
        id="an adapter for a model that is tuned whole only",
        marks=pytest.mark.evidence("jobs.modes", side="contract"),
    ),
    pytest.param(
        {"mode": TuningMode.PEFT_ADAPTER, "adapter_size": 2},
        REGION,
        id="a size that is not offered",
        marks=pytest.mark.evidence("jobs.adapter-sizes", side="contract"),
    ),
    pytest.param(
        {},
        "europe-west1",
        id="a region that only serves",
        marks=pytest.mark.evidence("jobs.locations", side="contract"),
    ),
    pytest.param({"training_uri": "gs://no-such-bucket-here/x.jsonl"}, REGION, id="data that are not there"),
]
NEVER_SENT = [
    pytest.param(
        {"spec": {"hyperParameters": {"learningRateMultiplier": 1.0}}},
        id="the learning rate of Google's own models",
        marks=pytest.mark.evidence("jobs.no-multiplier", side="contract"),
    ),
    pytest.param(
        {"baseModel": None, "preTunedModel": {"tunedModelName": "models/1"}},
        id="a model that an earlier job tuned",
        marks=pytest.mark.evidence("jobs.no-pre-tuned-model", side="contract"),
    ),
]


class TestRefused:
    @pytest.mark.parametrize(("changes", "location"), REFUSED)
    def test_jobs_that_are_refused(
        self, backend: Backend, data: str, changes: dict[str, object], location: str
    ) -> None:
        error = cases.refusal(backend, cases.request(backend, data, **changes), location)
        assert isinstance(error, InvalidRequest | NotFound)

    @pytest.mark.parametrize("changes", NEVER_SENT)
    def test_requests_that_the_plugin_never_sends(
        self, backend: Backend, wire: Wire, data: str, changes: cases.Json
    ) -> None:
        changes = dict(changes)
        spec = {"trainingDatasetUri": data, "tuningMode": "TUNING_MODE_FULL", **changes.pop("spec", {})}
        body = {
            "baseModel": real.MODEL,
            "outputUri": f"{backend.folder}/{uuid.uuid4().hex[:8]}",
            "labels": {"contract": backend.run},
            "supervisedTuningSpec": spec,
            **changes,
        }
        backend.until(lambda: cases.idle(backend))
        backend.spent["tunings"] += 1
        sent = {key: value for key, value in body.items() if value is not None}
        answer = wire.call("POST", f"v1beta1/{backend.parent}/tuningJobs", sent)
        if answer.ok:
            backend.vertex.jobs.cancel(answer.json()["name"])
        assert answer.status_code == 400, answer.text

    @pytest.mark.evidence("data.validation-share", side="service")
    @pytest.mark.evidence("data.validation-share", side="contract")
    @pytest.mark.parametrize(
        ("training", "validation", "refused"),
        [(8, 2, ""), (7, 2, "25%"), (8, 8, "25%")],
        ids=["a quarter", "more than a quarter", "as much"],
    )
    def test_validation_data_are_at_most_a_quarter_of_the_training_data(
        self, backend: Backend, tmp_path: Path, training: int, validation: int, refused: str
    ) -> None:
        asked = cases.request(
            backend,
            cases.put(backend, tmp_path, cases.sums(training)),
            validation_uri=cases.put(backend, tmp_path, cases.sums(validation)),
        )
        if refused:
            assert refused in str(cases.refusal(backend, asked))
        else:
            backend.vertex.jobs.cancel(cases.create(backend, asked).name)

    @pytest.mark.evidence("data.validation-rows", side="service")
    @pytest.mark.evidence("data.validation-rows", side="contract")
    def test_validation_data_have_at_most_5000_rows(self, backend: Backend, tmp_path: Path) -> None:
        asked = cases.request(
            backend,
            cases.put(backend, tmp_path, cases.sums(20_004)),
            validation_uri=cases.put(backend, tmp_path, cases.sums(5001)),
        )
        assert "5000" in str(cases.refusal(backend, asked))


class TestLocations:
    @pytest.mark.evidence("jobs.locations", side="contract")
    @pytest.mark.parametrize("location", tuning_locations())
    def test_jobs_are_listed_where_models_are_tuned(self, backend: Backend, location: str) -> None:
        backend.vertex.jobs.active(backend.project, location)

    @pytest.mark.evidence("jobs.global-makes-a-regional-job", side="plugin")
    @pytest.mark.evidence("jobs.global-makes-a-regional-job", side="contract")
    def test_a_job_at_global_is_found_there_counted_once_and_cancelled(
        self, backend: Backend, data: str
    ) -> None:
        jobs, asked = backend.vertex.jobs, cases.request(backend, data)
        job = cases.create(backend, asked, GLOBAL)
        assert job.name.split("/")[3] == GLOBAL
        assert job.base_model == asked.base_model, "in whichever form it comes back"
        at_global = jobs.labelled(backend.project, GLOBAL, dict(asked.labels))
        assert [found.name for found in at_global] == [job.name]

        def everywhere() -> list[Job]:
            places = tuning_locations()
            return [
                each for place in places for each in jobs.labelled(backend.project, place, dict(asked.labels))
            ]

        backend.until(lambda: len(everywhere()) == 2)
        assert [each.name for each in counted_once(everywhere())] == [job.name]

        jobs.cancel(job.name)
        backend.until(lambda: cases.idle(backend))

    @pytest.mark.evidence("jobs.global-without-cmek", side="plugin")
    @pytest.mark.evidence("jobs.global-without-cmek", side="contract")
    def test_a_key_is_refused_at_global_alone(self, backend: Backend, data: str) -> None:
        error = cases.refusal(backend, cases.request(backend, data, kms_key=KEY), GLOBAL)
        assert isinstance(error, FailedPrecondition)
