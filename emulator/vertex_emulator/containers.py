"""Serving containers: what Model Garden makes for custom weights, and which weights a container reads."""

from typing import Any

Json = dict[str, Any]

IMAGE = "us-docker.pkg.dev/vertex-ai/vertex-vision-model-garden-dockers/pytorch-vllm-serve:embedded"
"""The image that custom weights are served by; the tag says that this one is not pulled from anywhere."""
STORAGE_URI = "$(AIP_STORAGE_URI)"
"""In a container's command and arguments: the folder of its model's artifacts."""


def serving_container(weights: str, accelerators: int = 1, base_model: str = "") -> Json:
    """The container that Model Garden gives custom weights, as users have seen it."""
    return {
        "imageUri": IMAGE,
        "args": [
            "python",
            "-m",
            "vllm.entrypoints.api_server",
            "--host=0.0.0.0",
            "--port=8080",
            f"--model={weights}",
            f"--tensor-parallel-size={accelerators}",
        ],
        "env": [
            {"name": "MODEL_ID", "value": base_model or weights},
            {"name": "DEPLOY_SOURCE", "value": "API"},
        ],
        "ports": [{"containerPort": 8080}],
        "predictRoute": "/generate",
        "healthRoute": "/ping",
        "sharedMemorySizeMb": "16384",
        "deploymentTimeout": "7200s",
    }


def weights_read(container: Json, artifact_uri: str) -> str:
    """The folder that a container reads its weights from: that of its `--model`, if it names one."""
    arguments = [*container.get("command", []), *container.get("args", [])]
    for before, argument in zip(["", *arguments], arguments, strict=False):
        value = argument.removeprefix("--model=") if argument.startswith("--model=") else ""
        if before == "--model":
            value = argument
        if value.startswith("gs://"):
            return str(value).rstrip("/")
    return artifact_uri
