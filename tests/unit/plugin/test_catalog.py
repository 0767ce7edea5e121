"""The catalogue says what the tuning guide says, and marks what later pages added."""

import pytest

from vertex_tuning import catalog
from vertex_tuning.catalog import TuningMode
from vertex_tuning.specs import Machine

FULL, PEFT = TuningMode.FULL, TuningMode.PEFT_ADAPTER

GUIDE = [
    ("meta/llama3_1@llama-3.1-8b", {FULL: 8192, PEFT: 4096}),
    ("meta/llama3_1@llama-3.1-8b-instruct", {FULL: 8192, PEFT: 4096}),
    ("meta/llama3-2@llama-3.2-1b-instruct", {FULL: 8192}),
    ("meta/llama3-2@llama-3.2-3b-instruct", {FULL: 8192}),
    ("meta/llama3-3@llama-3.3-70b-instruct", {FULL: None, PEFT: None}),
]


def test_the_guides_five_models_come_first() -> None:
    assert [model.id for model in catalog.models()[:5]] == [model_id for model_id, _ in GUIDE]
    assert [model.source for model in catalog.models()].count("guide") == 5


@pytest.mark.parametrize(("model_id", "allows"), GUIDE)
def test_what_each_allows(model_id: str, allows: dict[TuningMode, int | None]) -> None:
    assert catalog.find_model(model_id).max_sequence == allows


def test_gemma_1b_is_tuned_fully_only() -> None:
    assert list(catalog.find_model("google/gemma3@gemma-3-1b-it").max_sequence) == [FULL]


def test_longest_sequences_are_powers_of_two() -> None:
    """`validate` counts examples in classes of such lengths, and how many are above the limit from them."""
    limits = {tokens for model in catalog.models() for tokens in model.max_sequence.values() if tokens}
    assert all(tokens.bit_count() == 1 for tokens in limits)


def test_ids_are_unique() -> None:
    ids = [model.id for model in catalog.models()]
    assert len(ids) == len(set(ids))


MACHINES = [
    ("g2-standard-12", "NVIDIA_L4", 1, True, "the guide's machine"),
    ("g2-standard-24", "NVIDIA_L4", 2, True, "two L4"),
    ("g2-standard-24", "NVIDIA_L4", 1, False, "it carries two, always"),
    ("g2-standard-12", "NVIDIA_H100_80GB", 1, False, "G2 carries L4"),
    ("a3-highgpu-1g", "NVIDIA_H100_80GB", 1, True, "one H100"),
    ("n2-standard-4", "NVIDIA_L4", 1, False, "carries none"),
]


@pytest.mark.parametrize(
    ("machine", "accelerator", "count", "fits", "why"), MACHINES, ids=[m[4] for m in MACHINES]
)
def test_machines(*, machine: str, accelerator: str, count: int, fits: bool, why: str) -> None:
    written = {"machine_type": machine, "accelerator_type": accelerator, "accelerator_count": count}
    if fits:
        assert Machine.model_validate(written).given() == written, why
    else:
        with pytest.raises(ValueError, match=machine):
            Machine.model_validate(written)


HOLDING = [
    (140, ["g2-standard-96", "a2-highgpu-4g", "a2-ultragpu-2g", "a3-highgpu-2g"], "70 billion parameters"),
    (24, ["g2-standard-24", "a2-highgpu-1g", "a2-ultragpu-1g", "a3-highgpu-1g"], "an L4 is full with that"),
    (1000, ["a3-ultragpu-8g"], "one machine is large enough"),
    (10_000, [], "none is"),
]


@pytest.mark.parametrize(("gigabytes", "first", "why"), HOLDING, ids=[case[2] for case in HOLDING])
def test_which_machines_hold_so_much(gigabytes: int, first: list[str], why: str) -> None:
    assert catalog.holding(gigabytes)[: len(first) or None] == first, why
    assert all(catalog.accelerator_memory(machine) > gigabytes for machine in first)
