"""The catalogue says what Google's pages say."""

import pytest
from google.cloud.aiplatform.constants.base import SUPPORTED_REGIONS

from vertex_tuning import catalog
from vertex_tuning.catalog import TuningMode
from vertex_tuning.specs import Machine

FULL, PEFT = TuningMode.FULL, TuningMode.PEFT_ADAPTER
LLAMA = "meta/llama3_1@llama-3.1-8b"

PAGE = [
    *((f"google/gemma4@gemma-4-{size}-it", [PEFT], 8192) for size in ("e2b", "e4b", "26b-a4b", "31b")),
    *((f"google/gemma3@gemma-3-{size}-it", [FULL], 8192) for size in ("1b", "4b", "12b")),
    ("google/gemma3@gemma-3-27b-it", [FULL, PEFT], 8192),
    ("google/medgemma@medgemma-1.5-4b-it", [FULL], 8192),
    *((f"qwen/qwen3-6@qwen3.6-{size}", [PEFT], 12288) for size in ("27b", "35b-a3b")),
    ("qwen/qwen3-5@qwen3.5-9b", [FULL], 8192),
    *((f"qwen/qwen3@qwen3-{size}", [FULL], 8192) for size in ("4b", "8b", "14b")),
    ("qwen/qwen3@qwen3-32b", [FULL, PEFT], 8192),
    *((f"meta/llama3_1@llama-3.1-8b{kind}", [FULL, PEFT], 8192) for kind in ("", "-instruct")),
    *((f"meta/llama3-2@llama-3.2-{size}-instruct", [FULL], 8192) for size in ("1b", "3b")),
    ("meta/llama3-3@llama-3.3-70b-instruct", [FULL, PEFT], 8192),
    ("meta/llama4@llama-4-scout-17b-16e-instruct", [PEFT], 2048),
    ("zai-org/glm-4.7-flash@glm-4.7-flash", [PEFT], 8192),
]
"""Google's page of 2026-09-25."""


def test_the_models_are_those_of_googles_page() -> None:
    assert {model.id for model in catalog.models()} == {model_id for model_id, _, _ in PAGE}


@pytest.mark.parametrize(("model_id", "modes", "longest"), PAGE)
def test_what_each_allows(model_id: str, modes: list[TuningMode], longest: int) -> None:
    assert catalog.find_model(model_id).max_sequence == dict.fromkeys(modes, longest)


IDS = [
    ("publishers/meta/models/llama3_1@llama-3.1-8b", LLAMA, "the long form"),
    (LLAMA, LLAMA, "the short form"),
    ("other/meta/models/llama3_1@llama-3.1-8b", None, "no form of an id"),
]


@pytest.mark.parametrize(("given", "meant", "why"), IDS, ids=[case[2] for case in IDS])
def test_both_forms_of_an_id_name_the_same_model(given: str, meant: str | None, why: str) -> None:
    found = catalog.known_model(given)
    assert (found.id if found else None) == meant, why


UNKNOWN = [
    ("google/gemma-3-4b-it", "has no version", "Google's skill calls it the most common cause of a refusal"),
    ("meta/llama3_1", "did you mean meta/llama3_1@llama-3.1-8b", "the models of that family"),
    ("llama-3.1-8b", "did you mean meta/llama3_1@llama-3.1-8b", "the part that people say"),
    ("google/gemma3@gemma-3-5b-it", "did you mean google/gemma3@gemma-3-", "a model of that family"),
]


@pytest.mark.parametrize(("given", "words", "why"), UNKNOWN, ids=[case[2] for case in UNKNOWN])
def test_unknown_ids_are_refused_with_what_may_be_meant(given: str, words: str, why: str) -> None:
    with pytest.raises(ValueError, match=words):
        catalog.find_model(given)


def test_baselines_are_of_modes_that_the_model_allows() -> None:
    for model in catalog.models():
        assert model.baselines.keys() <= model.max_sequence.keys()
        for mode, baseline in model.baselines.items():
            assert (baseline.adapter_size is None) == (mode is FULL), model.id
            assert baseline.adapter_size in {None, *catalog.ADAPTER_SIZES}


def test_regions_are_those_of_googles_own_client() -> None:
    assert {*catalog.regions(), catalog.GLOBAL} == SUPPORTED_REGIONS
    assert {*catalog.tuning_locations()} - {catalog.GLOBAL} <= {*catalog.regions()}


def test_ids_are_unique() -> None:
    ids = [model.id for model in catalog.models()]
    assert len(ids) == len(set(ids))


MACHINES = [
    ("g2-standard-12", "NVIDIA_L4", 1, True, "the guide's machine"),
    ("g2-standard-24", "NVIDIA_L4", 2, True, "two L4"),
    ("g2-standard-24", "NVIDIA_L4", 1, False, "it carries two, always"),
    ("g2-standard-12", "NVIDIA_H100_80GB", 1, False, "G2 carries L4"),
    ("a3-highgpu-1g", "NVIDIA_H100_80GB", 1, True, "one H100"),
    ("g4-standard-384", "NVIDIA_RTX_PRO_6000", 8, True, "eight RTX PRO 6000"),
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
    (
        140,
        ["g2-standard-96", "g4-standard-96", "a2-highgpu-4g", "a2-ultragpu-2g", "a3-highgpu-2g"],
        "70 billion parameters",
    ),
    (
        24,
        ["g2-standard-24", "g4-standard-48", "a2-highgpu-1g", "a2-ultragpu-1g", "a3-highgpu-1g"],
        "an L4 is full with that",
    ),
    (1000, ["a3-ultragpu-8g", "a4-highgpu-8g"], "two machines are large enough"),
    (10_000, [], "none is"),
]


@pytest.mark.parametrize(("gigabytes", "first", "why"), HOLDING, ids=[case[2] for case in HOLDING])
def test_which_machines_hold_so_much(gigabytes: int, first: list[str], why: str) -> None:
    assert catalog.holding(gigabytes)[: len(first) or None] == first, why
    assert all(catalog.accelerator_memory(machine) > gigabytes for machine in first)
