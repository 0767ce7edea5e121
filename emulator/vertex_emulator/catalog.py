"""What can be tuned and where it can be served: the ids that Vertex AI documents, stated once."""

import msgspec

FULL = "TUNING_MODE_FULL"
PEFT = "TUNING_MODE_PEFT_ADAPTER"


class BaseModel(msgspec.Struct, frozen=True):
    """A base model of managed open-model tuning."""

    id: str
    title: str
    modes: frozenset[str] = frozenset({FULL, PEFT})


_MODELS = (
    BaseModel("meta/llama3_1@llama-3.1-8b", "Llama 3.1 8B"),
    BaseModel("meta/llama3_1@llama-3.1-8b-instruct", "Llama 3.1 8B Instruct"),
    BaseModel("meta/llama3-2@llama-3.2-1b-instruct", "Llama 3.2 1B Instruct", frozenset({FULL})),
    BaseModel("meta/llama3-2@llama-3.2-3b-instruct", "Llama 3.2 3B Instruct", frozenset({FULL})),
    BaseModel("meta/llama3-3@llama-3.3-70b-instruct", "Llama 3.3 70B Instruct"),
    BaseModel("meta/llama4@llama-4-scout-17b-16e-instruct", "Llama 4 Scout 17B 16E Instruct"),
    BaseModel("google/gemma3@gemma-3-1b-it", "Gemma 3 1B IT", frozenset({FULL})),
    BaseModel("google/gemma3@gemma-3-4b-it", "Gemma 3 4B IT"),
    BaseModel("google/gemma3@gemma-3-12b-it", "Gemma 3 12B IT"),
    BaseModel("google/gemma3@gemma-3-27b-it", "Gemma 3 27B IT"),
    BaseModel("qwen/qwen3@qwen3-4b", "Qwen 3 4B"),
    BaseModel("qwen/qwen3@qwen3-8b", "Qwen 3 8B"),
    BaseModel("qwen/qwen3@qwen3-14b", "Qwen 3 14B"),
    BaseModel("qwen/qwen3@qwen3-32b", "Qwen 3 32B"),
)
BASE_MODELS = {model.id: model for model in _MODELS}

MANAGED_MODELS = frozenset(
    {
        "meta/llama-3.1-8b-instruct-maas",
        "meta/llama-3.3-70b-instruct-maas",
        "meta/llama-4-scout-17b-16e-instruct-maas",
    }
)
"""Base models that Vertex AI also serves by themselves, under the names that its chat completions take."""

TUNING_REGIONS = frozenset({"us-central1", "us-west1", "us-east5", "europe-west4", "asia-southeast1"})
"""Where managed open-model tuning is offered."""

ARTIFACTS = "postprocess/node-0"
"""Below a job's output URI: where managed open-model tuning leaves its artifacts."""
FINAL_WEIGHTS = f"{ARTIFACTS}/checkpoints/final"
"""Below a job's output URI: the tuned model in Hugging Face's layout."""

SERVING_IMAGE = "vertex-emulator.invalid/serving/numpy:1"
"""The container of models that the emulator deploys. It names itself so: no such image can be pulled."""

L4 = "NVIDIA_L4"
L4_OF_MACHINE = {
    "g2-standard-4": 1,
    "g2-standard-8": 1,
    "g2-standard-12": 1,
    "g2-standard-16": 1,
    "g2-standard-24": 2,
    "g2-standard-32": 1,
    "g2-standard-48": 4,
    "g2-standard-96": 8,
}
"""G2 machine type → the L4s that are built into it."""
