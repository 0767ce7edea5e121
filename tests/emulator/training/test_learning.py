"""Does it learn? Real trainings on real rows, measured on rows that they never saw. Minutes on two cores."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.emulator.training.support import Job, Row, as_chat, made_rows, run_job, spec, write_rows
from tests.support.stack import REPOSITORY
from vertex_emulator.serving.model import Sampling, ServedModel
from vertex_emulator.training.spec import TuningMode

# Not part of this repository: beside it, or where the variable says.
GSM8K = Path(os.environ.get("GSM8K") or REPOSITORY.parent / "shared" / "data" / "gsm8k-train.jsonl")
FORMATS: dict[str, Callable[[Row], Row]] = {"prompts": dict, "chats": as_chat}


@pytest.fixture(scope="module")
def questions() -> Sequence[Row]:
    """The first 250 rows of GSM8K that have at most 400 characters, which keeps twelve trainings to minutes:
    questions of grade school mathematics with worked answers, written by people."""
    if not GSM8K.exists():
        pytest.skip(f"set GSM8K to GSM8K's training questions, JSON Lines; there is no {GSM8K}")
    with GSM8K.open(encoding="utf-8") as lines:
        rows = ({"prompt": row["question"], "completion": row["answer"]} for row in map(json.loads, lines))
        short = (row for row in rows if len(row["prompt"]) + len(row["completion"]) <= 400)
        return list(itertools.islice(short, 250))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("mode", TuningMode)
@pytest.mark.parametrize("form", FORMATS)
def test_200_real_rows_teach_more_than_the_base_and_word_counts_know(
    questions: Sequence[Row],
    form: str,
    mode: TuningMode,
    seed: int,
    tmp_path: Path,
    cache_dir: Path,
) -> None:
    rows = [FORMATS[form](row) for row in questions]
    taught(rows[:200], rows[200:], mode, seed, tmp_path, cache_dir)


def test_the_repositorys_own_rows_teach_more_than_the_base_and_word_counts_know(
    tmp_path: Path, cache_dir: Path
) -> None:
    """What `make up` trains on; these rows are in every clone."""
    training, validation = (
        [json.loads(line) for line in (REPOSITORY / "data" / name).read_text().splitlines()]
        for name in ("tickets-train.jsonl", "tickets-validation.jsonl")
    )
    taught(training, validation, TuningMode.FULL, 0, tmp_path, cache_dir)


def taught(
    training: Sequence[Row], validation: Sequence[Row], mode: TuningMode, seed: int, folder: Path, cache: Path
) -> None:
    """Two epochs, and unseen rows are foreseen better than by the base model and by the words' frequencies."""
    file, unseen = (
        write_rows(folder / f"{name}.jsonl", rows)
        for name, rows in (("training", training), ("validation", validation))
    )
    validated = spec(file, folder, cache, validation_file=str(unseen))
    job = run_job(msgspec.structs.replace(validated, mode=mode, epochs=2, seed=seed))

    base, unigram = job.metrics.base_validation_loss, job.metrics.unigram_validation_loss
    assert base is not None
    assert unigram is not None
    print(f"{mode} {seed}: base {base:.3f} unigram {unigram:.3f} tuned {job.last_validation_loss:.3f}")
    assert job.last_validation_loss < base - 0.5
    assert job.last_validation_loss < unigram - 0.25


@pytest.mark.parametrize("mode", TuningMode)
def test_answers_that_do_not_belong_to_their_questions_teach_less(
    mode: TuningMode, tmp_path: Path, cache_dir: Path
) -> None:
    """The same prompts and completions, paired as they belong or at random: only the link differs.

    On unseen rows the model that learned the link says the right words; the other has nothing to go by.
    How soon it is learned depends a little on the base, whose text is that of the Python at hand.
    """
    rows = made_rows()
    known, unseen = rows[:240], rows[240:]
    held_out = write_rows(tmp_path / "validation.jsonl", unseen)
    order = np.random.default_rng(1).permutation(len(known))
    shuffled = [{**known[n], "completion": known[other]["completion"]} for n, other in enumerate(order)]

    def train(name: str, training: Sequence[Row]) -> Job:
        file = write_rows(tmp_path / f"{name}.jsonl", training)
        given = spec(file, tmp_path / name, cache_dir, validation_file=str(held_out))
        return run_job(msgspec.structs.replace(given, mode=mode, epochs=4))

    def right(job: Job) -> float:
        model, greedy = ServedModel.load(job.final), Sampling(max_tokens=20, temperature=0.0)
        return float(
            np.mean([model.generate(row["prompt"], greedy).text == row["completion"] for row in unseen])
        )

    linked, unlinked = train("paired", known), train("shuffled", shuffled)
    losses = (linked.last_validation_loss, unlinked.last_validation_loss)
    shares = (right(linked), right(unlinked))
    print(
        f"{mode}, paired and shuffled: loss {losses[0]:.3f} {losses[1]:.3f}, right {shares[0]:.2f} {shares[1]:.2f}"
    )
    assert losses[0] < losses[1] - 0.1
    assert shares[0] > 0.8
    assert shares[1] < 0.5
