"""A container that is copied serves the new weights on the new machine, or is refused; never the old weights."""

from typing import Any

import pytest
from pydantic import ValidationError

from tests.support.declared import OUTPUT, PROJECT, REGION
from vertex_tuning.containers import fitted, fixed_weights
from vertex_tuning.specs import ServiceSpec

Json = dict[str, Any]
OLD, NEW = "gs://b/out/old/final", "gs://b/out/new/final"
KEPT: Json = {"imageUri": "i", "sharedMemorySizeMb": "16384", "deploymentTimeout": "7200s"}

COPIED: dict[str, tuple[Json, Json]] = {
    "one argument": ({"args": [f"--model={OLD}"]}, {"args": [f"--model={NEW}"]}),
    "two arguments": ({"args": ["--model", OLD]}, {"args": ["--model", NEW]}),
    "in the command": ({"command": ["vllm", f"--model={OLD}"]}, {"command": ["vllm", f"--model={NEW}"]}),
    "inside a shell's line": (
        {"command": ["sh", "-c", f"vllm --model {OLD} --tensor-parallel-size 1 && true"]},
        {"command": ["sh", "-c", f"vllm --model {NEW} --tensor-parallel-size 4 && true"]},
    ),
    "another option that names the folder": (
        {"args": [f"--tokenizer={OLD}/tokenizer.json"]},
        {"args": [f"--tokenizer={NEW}/tokenizer.json"]},
    ),
    "a variable": (
        {"env": [{"name": "MODEL_ID", "value": OLD}]},
        {"env": [{"name": "MODEL_ID", "value": NEW}]},
    ),
    "a variable with the base model's name": (
        {"env": [{"name": "MODEL_ID", "value": "google/gemma-3-1b-it"}]},
        {"env": [{"name": "MODEL_ID", "value": "google/gemma-3-1b-it"}]},
    ),
    "a variable that refers to a secret": (
        {"env": [{"name": "TOKEN", "valueSource": {"secret": "s"}}]},
        {"env": [{"name": "TOKEN", "valueSource": {"secret": "s"}}]},
    ),
    "the accelerators of the machine": (
        {"args": ["--tensor-parallel-size=1", "-tp", "1", "--tp=1", "--max-model-len=1"]},
        {"args": ["--tensor-parallel-size=4", "-tp", "4", "--tp=4", "--max-model-len=1"]},
    ),
    "where Vertex AI puts the weights": (
        {"args": ["--model=$(AIP_STORAGE_URI)"]},
        {"args": ["--model=$(AIP_STORAGE_URI)"]},
    ),
    "weights of nobody knows whom": ({"args": ["--model=gs://other/model"]}, {"args": [f"--model={NEW}"]}),
}


@pytest.mark.evidence("serving.container-names-its-weights", side="plugin")
@pytest.mark.parametrize("case", COPIED)
def test_a_copy_serves_the_new_weights(case: str) -> None:
    before, after = COPIED[case]
    made = fitted({**KEPT, **before}, weights=NEW, accelerators=4, copied_from=OLD)
    assert made == {**KEPT, **after}, "and nothing else differs"


@pytest.mark.parametrize(
    "container",
    [
        {"args": ["--lora-modules=x=gs://b/adapter"]},
        {"env": [{"name": "SPECULATIVE", "value": "gs://b/draft"}]},
        {"args": [f"--model={OLD}-2"], "command": ["gs://b/out/old/final-2/run"]},
    ],
    ids=["an adapter", "a variable", "a folder whose name begins alike"],
)
def test_a_copy_that_would_still_read_other_weights_is_refused_in_a_line(container: Json) -> None:
    with pytest.raises(ValueError, match=r"reads gs://\S+, another model's weights; set serving\.") as no:
        fitted(container, weights=NEW, accelerators=1, copied_from=OLD)
    assert "\n" not in str(no.value)


def test_a_recommendation_may_read_googles_own_files() -> None:
    args = ["--model=gs://b/whatever", "--chat-template=gs://google/templates/gemma"]
    made = fitted({"args": args}, weights=NEW, accelerators=1)
    assert made == {"args": [f"--model={NEW}", "--chat-template=gs://google/templates/gemma"]}


def test_weights_that_a_container_of_ones_own_names() -> None:
    container = {
        "command": ["serve", "--model", "gs://a"],
        "args": ["--model=gs://b", "--x=gs://c"],
        "env": [{"name": "MODEL_ID", "value": "gs://d"}, {"name": "CACHE", "value": "gs://e"}],
    }
    assert list(fixed_weights(container)) == ["gs://a", "gs://b", "gs://d"]


def spec(container: Json, **source: Any) -> ServiceSpec:
    serving = {"container": {"image_uri": "image", **container}}
    given = {"name": "s", "project": PROJECT, "region": REGION, "output_uri": OUTPUT, "serving": serving}
    return ServiceSpec.model_validate({**given, **source})


def test_a_container_of_ones_own_serves_what_is_tuned() -> None:
    tuning = {"base_model": "google/gemma3@gemma-3-1b-it", "mode": "FULL", "epochs": 1, "training_data": "x"}
    with pytest.raises(
        ValidationError, match=r"names the weights gs://bucket/x, .* write \$\(AIP_STORAGE_URI\)"
    ):
        spec({"args": ["--model=gs://bucket/x"]}, tuning=tuning)
    with pytest.raises(ValidationError, match="names the weights gs://bucket/y"):
        spec({"env": {"MODEL_ID": "gs://bucket/y"}}, artifacts_uri="gs://bucket/x")
    assert spec({"args": ["--model=gs://bucket/x"]}, artifacts_uri="gs://bucket/x")
    assert spec({"args": ["--model=$(AIP_STORAGE_URI)"]}, tuning=tuning)
