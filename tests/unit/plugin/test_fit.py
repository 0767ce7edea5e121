"""What may spoil a tuning without being wrong: said in preview, refused by nobody."""

import json
from pathlib import Path
from typing import Any

import pytest

from vertex_tuning.dataset import Dataset, DatasetFormat, closer, inspect
from vertex_tuning.fit import spoiled, too_large, too_long, unusual, warned
from vertex_tuning.specs import ServiceSpec, TuningSpec

A2 = {"machine_type": "a2-ultragpu-1g", "accelerator_type": "NVIDIA_A100_80GB", "accelerator_count": 1}
LLAMA, SCOUT = "meta/llama3_1@llama-3.1-8b", "meta/llama4@llama-4-scout-17b-16e-instruct"
NEWER = "google/gemma5@gemma-5-4b-it"


def dataset(longest: int) -> Dataset:
    return Dataset("a.jsonl", DatasetFormat.CHAT, 1, 1, 1, 1, longest, 1, "", "")


@pytest.mark.parametrize(
    ("model", "mode", "longest", "warnings", "reason"),
    [
        (LLAMA, "FULL", 8192, 0, "as long as the model takes is not too long"),
        (LLAMA, "FULL", 8193, 1, "a token more is"),
        (LLAMA, "PEFT_ADAPTER", 6460, 0, "0.317 tokens for each character were measured in this mode"),
        (LLAMA, "PEFT_ADAPTER", 6461, 1, "so fewer characters are too many"),
        (SCOUT, "PEFT_ADAPTER", 2049, 1, "it takes a quarter of that"),
        (NEWER, "FULL", 100_000, 0, "its limit is not known"),
    ],
)
def test_only_what_is_longer_than_the_model_takes(
    model: str,
    mode: str,
    longest: int,
    warnings: int,
    reason: str,
) -> None:
    written = {"base_model_unlisted": True, "base_model": model, "mode": mode, "training_data": "a.jsonl"}
    spec = TuningSpec.model_validate(written)
    assert len(list(too_long(spec, {"a.jsonl": dataset(longest)}))) == warnings, reason


def test_each_file_is_named_once_with_what_to_do() -> None:
    spec = TuningSpec.model_validate(
        {
            "base_model": LLAMA,
            "mode": "PEFT_ADAPTER",
            "training_data": "a.jsonl",
            "validation_data": "a.jsonl",
        }
    )
    (line,) = too_long(spec, {"a.jsonl": dataset(9000)})
    assert line.startswith(
        "a.jsonl: the longest example has about 11,412 tokens, and meta/llama3_1@llama-3.1-8b takes 8,192"
    )
    assert f"vertex-tuning validate a.jsonl --model {LLAMA} --mode PEFT_ADAPTER" in line


def test_objects_of_a_bucket_are_not_looked_at() -> None:
    spec = TuningSpec.model_validate(
        {"base_model": LLAMA, "mode": "FULL", "training_data": "gs://bucket/a.jsonl"}
    )
    assert list(too_long(spec, {})) == []


def written(path: Path, *examples: tuple[str, str]) -> str:
    path.write_text("".join(json.dumps({"prompt": p, "completion": c}) + "\n" for p, c in examples))
    return str(path)


A, B, EMPTY = ("a", " 1"), ("b", " 2"), ("c", "")
SPOILED: list[tuple[list[tuple[str, str]], list[tuple[str, str]] | None, list[str], str]] = [
    ([A, B], None, [], "nothing to say"),
    ([A, B], [("c", " 3")], [], "a validation of its own"),
    ([A, B], [B, ("c", " 3")], ["examples that are in "], "the model has seen it"),
    ([A, B, A, A], None, ["repeated examples: 2"], "paid for twice"),
    ([A, A, EMPTY], [A], ["too: 1, so", "repeated examples: 1"], "all of it"),
]


@pytest.mark.parametrize(("train", "check", "said", "why"), SPOILED, ids=[case[3] for case in SPOILED])
def test_what_spoils_a_tuning_is_told_and_counted_once(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    train: list[tuple[str, str]],
    check: list[tuple[str, str]] | None,
    said: list[str],
    why: str,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    files = {"training_data": written(tmp_path / "train.jsonl", *train)}
    if check is not None:
        files["validation_data"] = written(tmp_path / "check.jsonl", *check)
    spec = TuningSpec.model_validate({"base_model": LLAMA, "mode": "FULL", **files})
    found = {path: inspect(Path(path)).dataset for path in files.values()}
    datasets = {path: each for path, each in found.items() if each is not None}

    lines = list(spoiled(spec, datasets))

    assert [text in line for text, line in zip(said, lines, strict=True)] == [True] * len(said), why
    assert all("`vertex-tuning validate " in line for line in lines)
    monkeypatch.setattr(closer, "survey", lambda _path: pytest.fail("an unchanged file is not read again"))
    assert list(spoiled(spec, datasets)) == lines


def test_each_kind_of_warning_is_a_line_with_its_first_place(tmp_path: Path) -> None:
    rows = [A, EMPTY, B, EMPTY, ("", "b")]
    path = written(tmp_path / "train.jsonl", *rows)
    spec = TuningSpec.model_validate({"base_model": LLAMA, "mode": "FULL", "training_data": path})
    dataset = inspect(Path(path)).dataset
    assert dataset is not None
    empty, blank = warned(spec, {path: dataset})
    assert empty.startswith(f"{path}: line 2: completion has no text; ")
    assert empty.endswith(", and 1 more like it")
    assert blank == f"{path}: line 5: prompt has no text; write what is asked, or delete the line"


def test_a_file_that_changes_meanwhile_leaves_nothing_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = written(tmp_path / "train.jsonl", A, A)
    known = inspect(Path(path)).dataset
    assert known is not None
    written(Path(path), A, B, B)
    assert closer.look_closer(known, None) == closer.Closer()
    written(Path(path), A, A)
    assert closer.look_closer(known, None).duplicates == 1


LARGE = "meta/llama3-3@llama-3.3-70b-instruct"
PLACES: list[tuple[dict[str, Any], bool, str]] = [
    ({"base_model": LARGE}, True, "140 GB do not go into the 24 GB of the default machine"),
    ({"base_model": LLAMA}, False, "16 GB do"),
    ({"base_model": LARGE, **A2, "machine_type": "a2-ultragpu-2g", "accelerator_count": 2}, False, "160 GB"),
    ({"base_model": LARGE, **A2}, True, "80 GB"),
    ({"base_model": LARGE, "serve": False}, False, "nothing is served"),
    ({"base_model": LARGE, "container": {"image_uri": "image"}}, False, "it may hold them in less"),
]


@pytest.mark.parametrize(("written", "warned", "why"), PLACES, ids=[case[2] for case in PLACES])
def test_weights_that_a_machine_cannot_hold(*, written: dict[str, Any], warned: bool, why: str) -> None:
    serving = {key: value for key, value in written.items() if key not in ("base_model", "serve")}
    spec = ServiceSpec.model_validate(
        {
            "name": "tickets",
            "project": "a-project",
            "region": "us-central1",
            "output_uri": "gs://bucket/models",
            "tuning": {"base_model": written["base_model"], "mode": "FULL", "training_data": "a.jsonl"},
            "serve": written.get("serve", True),
            "serving": serving,
        }
    )
    lines = list(too_large(spec))
    assert len(lines) == warned, why
    assert all("machines that fit: g2-standard-96, g4-standard-96, a2-highgpu-4g" in line for line in lines)


GEMMA = "google/gemma3@gemma-3-27b-it"
PARAMETERS: list[tuple[dict[str, Any], list[str], str]] = [
    ({}, [], "what is left out is Vertex AI's own choice"),
    ({"learning_rate": 1e-4, "adapter_size": 8, "epochs": 10}, [], "near the baseline"),
    ({"learning_rate": 2e-3}, ["tuning.learning_rate: 0.002. Google's own"], "ten times the baseline"),
    ({"learning_rate": 2e-5}, ["tuning.learning_rate: 2e-05. Google's own"], "a tenth of it"),
    ({"epochs": 20, "adapter_size": 1}, ["tuning.epochs: 20", "tuning.adapter_size: 1"], "two at once"),
    ({"base_model": NEWER, "base_model_unlisted": True}, ["is not in the catalogue of 2026-09-25"], "newer"),
    (
        {"base_model": "qwen/qwen3@qwen3-4b", "base_model_unlisted": True},
        ["qwen/qwen3@qwen3-4b with PEFT_ADAPTER is not in the catalogue"],
        "a mode that Google's page had once, or has by now",
    ),
    ({"base_model_unlisted": True}, ["the catalogue now has meta/llama3_1@llama-3.1-8b"], "listed by now"),
    (
        {"base_model": GEMMA, "adapter_size": 4},
        ["learning_rate 0.0002, epochs 3, adapter_size 32"],
        "32 there",
    ),
]


@pytest.mark.parametrize(("written", "said", "why"), PARAMETERS, ids=[case[2] for case in PARAMETERS])
def test_parameters_that_are_far_from_googles_baselines(
    written: dict[str, Any], said: list[str], why: str
) -> None:
    spec = {"base_model": LLAMA, "mode": "PEFT_ADAPTER", "training_data": "a.jsonl", **written}
    lines = list(unusual(TuningSpec.model_validate(spec)))
    assert [text in line for text, line in zip(said, lines, strict=True)] == [True] * len(said), (why, lines)
