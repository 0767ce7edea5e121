"""What can be tuned and where it can be served: the ids that Vertex AI documents, stated once."""

import math

import msgspec

FULL = "TUNING_MODE_FULL"
PEFT = "TUNING_MODE_PEFT_ADAPTER"


class BaseModel(msgspec.Struct, frozen=True):
    """A base model of managed open-model tuning."""

    id: str
    modes: frozenset[str]


_MODES = {
    frozenset({FULL, PEFT}): (
        "google/gemma3@gemma-3-27b-it",
        "qwen/qwen3@qwen3-32b",
        "meta/llama3_1@llama-3.1-8b",
        "meta/llama3_1@llama-3.1-8b-instruct",
        "meta/llama3-3@llama-3.3-70b-instruct",
    ),
    frozenset({FULL}): (
        "google/gemma3@gemma-3-1b-it",
        "google/gemma3@gemma-3-4b-it",
        "google/gemma3@gemma-3-12b-it",
        "google/medgemma@medgemma-1.5-4b-it",
        "qwen/qwen3-5@qwen3.5-9b",
        "qwen/qwen3@qwen3-4b",
        "qwen/qwen3@qwen3-8b",
        "qwen/qwen3@qwen3-14b",
        "meta/llama3-2@llama-3.2-1b-instruct",
        "meta/llama3-2@llama-3.2-3b-instruct",
    ),
    frozenset({PEFT}): (
        "google/gemma4@gemma-4-e2b-it",
        "google/gemma4@gemma-4-e4b-it",
        "google/gemma4@gemma-4-26b-a4b-it",
        "google/gemma4@gemma-4-31b-it",
        "qwen/qwen3-6@qwen3.6-27b",
        "qwen/qwen3-6@qwen3.6-35b-a3b",
        "meta/llama4@llama-4-scout-17b-16e-instruct",
        "zai-org/glm-4.7-flash@glm-4.7-flash",
    ),
}
BASE_MODELS = {name: BaseModel(name, modes) for modes, names in _MODES.items() for name in names}
"""As of Google's page of 2026-09-25."""

_TOKEN_RATES = (
    ("meta/llama3", {FULL: 0.247, PEFT: 0.317}),
    ("meta/llama4", {PEFT: 0.295}),
    ("google/gemma3@", {FULL: 0.231, PEFT: 0.231}),
    ("google/medgemma@", {FULL: 0.231}),
    ("google/gemma4@", {PEFT: 0.236}),
    ("qwen/qwen3@", {FULL: 0.246, PEFT: 0.246}),
)
"""Beginnings of ids of base models → billed tokens for each character, as Google's scripts measured them."""
_MOST_TOKENS = 0.317


_LONGEST = (("meta/llama4", 2048), ("qwen/qwen3-6@", 12_288))
"""Beginnings of ids of base models → the longest sequence in tokens that they are tuned on."""
_USUAL_LONGEST = 8192


def _rate(short: str, mode: str) -> float:
    rates = next((rates for family, rates in _TOKEN_RATES if short.startswith(family)), {})
    return rates.get(mode, _MOST_TOKENS)


def billed_tokens(base_model: str, mode: str, characters: int) -> int:
    """Tokens that an epoch on so many characters is billed as: those of the named model's own tokenizer."""
    return math.ceil(characters * _rate(_short(base_model), mode))


def longest_example(base_model: str, mode: str) -> int | None:
    """Characters of the longest example that a base model is tuned on; None for one off Google's page."""
    short = _short(base_model)
    if short not in BASE_MODELS:
        return None
    longest = next((tokens for family, tokens in _LONGEST if short.startswith(family)), _USUAL_LONGEST)
    return math.floor(longest / _rate(short, mode))


def _short(base_model: str) -> str:
    return base_model.removeprefix("publishers/").replace("/models/", "/")


MANAGED_MODELS = frozenset(
    {
        "meta/llama-3.1-8b-instruct-maas",
        "meta/llama-3.3-70b-instruct-maas",
        "meta/llama-4-scout-17b-16e-instruct-maas",
    }
)
"""Base models that Vertex AI also serves by themselves, under the names that its chat completions take."""

GLOBAL = "global"
"""The tuning location that leaves the choice of a region to the service."""
GLOBAL_REGION = "us-central1"
"""The region that the service chooses for a job at ``global``."""
TUNING_REGIONS = frozenset(
    {"us-central1", "us-west1", "us-east5", "europe-west4", "asia-southeast1", "asia-southeast2"}
)
"""Where managed open-model tuning is offered, beside ``global``."""

ARTIFACTS = "postprocess/node-0"
"""Below a job's output URI: where managed open-model tuning leaves its artifacts."""
FINAL_WEIGHTS = f"{ARTIFACTS}/checkpoints/final"
"""Below a job's output URI: the tuned model in Hugging Face's layout."""
