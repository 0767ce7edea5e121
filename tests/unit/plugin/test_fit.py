"""Examples that are longer than the model takes: said in preview, refused by nobody."""

import pytest

from vertex_tuning.dataset import Dataset, DatasetFormat
from vertex_tuning.fit import too_long
from vertex_tuning.specs import TuningSpec

LLAMA, QWEN = "meta/llama3_1@llama-3.1-8b", "qwen/qwen3@qwen3-8b"


def dataset(longest: int) -> Dataset:
    return Dataset("a.jsonl", DatasetFormat.CHAT, 1, 1, 1, 1, longest, 1, "", "")


@pytest.mark.parametrize(
    ("model", "mode", "longest", "warnings", "reason"),
    [
        (LLAMA, "PEFT_ADAPTER", 4096, 0, "as long as the model takes is not too long"),
        (LLAMA, "PEFT_ADAPTER", 4097, 1, "with LoRA it takes half of what it takes without"),
        (LLAMA, "FULL", 4097, 0, "it takes 8,192 then"),
        (QWEN, "FULL", 100_000, 0, "its limit is not known"),
    ],
)
def test_only_what_is_longer_than_the_model_takes(
    model: str,
    mode: str,
    longest: int,
    warnings: int,
    reason: str,
) -> None:
    spec = TuningSpec.model_validate({"base_model": model, "mode": mode, "training_data": "a.jsonl"})
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
    (line,) = too_long(spec, {"a.jsonl": dataset(5000)})
    assert line.startswith(
        "a.jsonl: the longest example has about 5,000 tokens, and meta/llama3_1@llama-3.1-8b takes 4,096"
    )
    assert f"vertex-tuning validate a.jsonl --model {LLAMA} --mode PEFT_ADAPTER" in line


def test_objects_of_a_bucket_are_not_looked_at() -> None:
    spec = TuningSpec.model_validate(
        {"base_model": LLAMA, "mode": "FULL", "training_data": "gs://bucket/a.jsonl"}
    )
    assert list(too_long(spec, {})) == []
