"""Validation data beside training data: what Vertex AI refuses is told in preview, with the figures and the fix."""

import json
from pathlib import Path
from typing import Any

import pytest

from vertex_tuning.arguments import read_datasets
from vertex_tuning.holdout import Facts, problems

ROOT = Path(__file__).parents[3]
PAIR = {"prompt": "up or down: ", "completion": "up"}
CHAT = {"messages": [{"role": "user", "content": "red or blue"}, {"role": "assistant", "content": "red"}]}


@pytest.mark.evidence("data.validation-share", side="plugin")
@pytest.mark.evidence("data.validation-rows", side="plugin")
@pytest.mark.parametrize(
    ("training", "validation", "says", "reason"),
    [
        (Facts(10_000), Facts(2500), [], "exactly a quarter is allowed"),
        (
            Facts(10_000),
            Facts(2503),
            ["it has 2,503 bytes, 25.03% of the 10,000 of train.jsonl", "at most 25% (2,500)"],
            "25.03 % was refused",
        ),
        (Facts(0), Facts(1), ["at most 25% (0)"], "an empty file has no quarter, and no share"),
        (Facts(10**9), Facts(10**6, 5000), [], "5,000 rows are allowed"),
        (Facts(10**9), Facts(10**6, 5001), ["it has 5,001 examples", "at most 5,000"], "one more is not"),
        (Facts(10**9, 10**6), Facts(10**6), [], "rows that nobody has counted are not too many"),
        (Facts(100, 1, "chat"), Facts(10, 1, "chat"), [], "one format is right"),
        (
            Facts(100, 1, "chat"),
            Facts(10, 1, "prompt_completion"),
            ["format prompt_completion"],
            "two are not",
        ),
    ],
)
def test_each_limit(training: Facts, validation: Facts, says: list[str], reason: str) -> None:
    found = list(problems(training, validation, "train.jsonl"))
    assert len(found) == bool(says), reason
    assert all(text in found[0] for text in says), found


def write(path: Path, row: dict[str, Any], count: int) -> str:
    path.write_text((json.dumps(row) + "\n") * count)
    return str(path)


@pytest.mark.parametrize(
    ("training", "validation", "says"),
    [
        ((PAIR, 100), (PAIR, 10), None),
        ((PAIR, 100), (PAIR, 26), "it has 1,222 bytes, 26.00% of the 4,700"),
        ((CHAT, 100), (PAIR, 1), "both files of a tuning need the same format"),
    ],
    ids=["a tenth", "too large", "two formats"],
)
def test_the_place_is_that_of_the_validation_data(
    training: tuple[Any, int], validation: tuple[Any, int], says: str | None, tmp_path: Path
) -> None:
    tuning = {
        "training_data": write(tmp_path / "train.jsonl", *training),
        "validation_data": write(tmp_path / "validation.jsonl", *validation),
    }
    _, mistakes = read_datasets(tuning, "services[0]")
    assert [m.path for m in mistakes] == ["services[0].tuning.validation_data"] * bool(says)
    if says:
        assert says in mistakes[0].problem


@pytest.mark.evidence("data.images-not-mixed", side="plugin")
def test_local_images_fit_the_model(tmp_path: Path) -> None:
    image = {"type": "image_url", "image_url": {"url": "gs://b/a.png"}}
    about = {"messages": [{"role": "user", "content": [image]}, {"role": "assistant", "content": "b"}]}
    path = tmp_path / "train.jsonl"
    path.write_text(json.dumps(CHAT) + "\n" + json.dumps(about) + "\n")
    scout = {"base_model": "meta/llama4@llama-4-scout-17b-16e-instruct", "training_data": str(path)}
    [mistake] = read_datasets(scout)[1]
    assert mistake.path == "tuning.training_data"
    assert "examples with images: 1, without: 1" in mistake.problem
    [mistake] = read_datasets({**scout, "base_model": "qwen/qwen3@qwen3-8b"})[1]
    assert "reads text only" in mistake.problem
    assert read_datasets({**scout, "base_model": "google/gemma3@gemma-3-27b-it"})[1] == []


def test_the_sample_data_obey() -> None:
    tuning = {
        "training_data": str(ROOT / "data/tickets-train.jsonl"),
        "validation_data": str(ROOT / "data/tickets-validation.jsonl"),
    }
    datasets, mistakes = read_datasets(tuning)
    assert mistakes == []
    training, validation = (datasets[name] for name in tuning.values())
    assert validation.examples == pytest.approx(0.1 * (training.examples + validation.examples), rel=0.05)
