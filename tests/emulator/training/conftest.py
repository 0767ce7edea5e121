from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from tests.emulator.training.support import Job, made_rows, run_job, spec, write_rows
from vertex_emulator.model.checkpoint import Checkpoint
from vertex_emulator.model.tokenizer import train_tokenizer
from vertex_emulator.training.base_text import own_documents
from vertex_emulator.training.spec import TrainingSpec, TuningMode


@pytest.fixture(scope="session")
def cache_dir(request: pytest.FixtureRequest) -> Path:
    """The base model and compiled steps, kept between runs of the tests: both are keyed by their content."""
    return request.config.cache.mkdir("vertex-emulator")


@pytest.fixture(scope="session")
def base(cache_dir: Path) -> Checkpoint:
    """The embedded service's base model."""
    from vertex_emulator.training.base import cached_base
    from vertex_emulator.training.optimise import use_cpu

    use_cpu(cache_dir)
    return cached_base(cache_dir)


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    """A tokenizer that is made in a moment."""
    return train_tokenizer(own_documents().values())


MakeSpec = Callable[..., TrainingSpec]


@pytest.fixture(scope="session")
def make_spec(cache_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> MakeSpec:
    """Makes the spec of a job on 48 made rows with 24 others for validation, in a folder of its own."""

    def make(**changes: object) -> TrainingSpec:
        folder = tmp_path_factory.mktemp("job")
        rows = made_rows()
        training = write_rows(folder / "training.jsonl", rows[:48])
        validation = write_rows(folder / "validation.jsonl", rows[48:72])
        return spec(training, folder, cache_dir, **{"validation_file": str(validation), **changes})

    return make


@pytest.fixture(scope="session")
def full_job(make_spec: MakeSpec) -> Job:
    return run_job(make_spec(epochs=2))


@pytest.fixture(scope="session")
def adapter_job(make_spec: MakeSpec) -> Job:
    return run_job(make_spec(epochs=2, mode=TuningMode.PEFT_ADAPTER))
