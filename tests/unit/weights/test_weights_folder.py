"""What makes a folder a model that a base model can be exchanged for; every mistake is told at once."""

import os
from collections.abc import Callable, Collection

import pytest

from tests.unit.weights.conftest import EMBEDDINGS, LAYERS, REST, SIZES, WHOLE, Folder, Header, safetensors
from vertex_tuning import catalog
from vertex_tuning.catalog import BaseModel
from vertex_tuning.weights import examine

Spoil = Callable[[Folder], None]
INDEX = "model.safetensors.index.json"
PICKLE = "is a pickle, which runs code when loaded. Remove it, or save safetensors"
EIGHTEENTH = ", ".join(
    f"model.layers.18.{part}.weight"
    for part in ("input_layernorm", "post_attention_layernorm", "self_attn.q_proj")
)
NOWHERE = "config.json: describes tensors that are in no file:"
FIRST = "model.safetensors: model.layers.0.self_attn"
SHAPE = "model.safetensors: model.embed_tokens.weight: has the shape"


def cut(folder: Folder) -> None:
    path = folder.path / "model.safetensors"
    os.truncate(path, path.stat().st_size - 3)


def indexed_wrongly(folder: Folder) -> None:
    folder.sharded({"a.safetensors": EMBEDDINGS, "b.safetensors": REST})
    folder.write("b.safetensors", safetensors({"lm_head.weight": [1, 1]}))


def without_a_shard(folder: Folder) -> None:
    folder.sharded({"a.safetensors": EMBEDDINGS, "b.safetensors": REST})
    folder.drop("b.safetensors")


def without(tensors: Header, prefix: str, numbers: Collection[int]) -> Header:
    gone = tuple(f"{prefix}{number}." for number in numbers)
    return {name: shape for name, shape in tensors.items() if not name.startswith(gone)}


def without_a_tokenizer(folder: Folder) -> None:
    folder.drop("tokenizer.json")
    folder.drop("tokenizer_config.json")


def all_at_once(folder: Folder) -> None:
    folder.drop("tokenizer.json")
    folder.write("w.pt", b"")
    folder.config(hidden_size=1)


SPOILT: dict[str, tuple[Spoil, list[str]]] = {
    "no configuration": (lambda f: f.drop("config.json"), ["config.json: is missing"]),
    "a configuration that is no JSON": (
        lambda f: f.write("config.json", "{"),
        ["config.json: cannot be read: Input data was truncated"],
    ),
    "no tokenizer": (
        without_a_tokenizer,
        ["tokenizer.json or tokenizer.model: is missing", "tokenizer_config.json: is missing"],
    ),
    "no tensors": (
        lambda f: f.drop("model.safetensors"),
        [f"model.safetensors or {INDEX}: is missing"],
    ),
    "a pickle beside the tensors": (
        lambda f: f.write("training_args.bin", b"\x80"),
        [
            f"training_args.bin: {PICKLE}",
        ],
    ),
    "an adapter": (
        lambda f: f.write("adapter_config.json", {}),
        ["adapter_config.json: this is a LoRA adapter; merge it into its base model and save that"],
    ),
    "a file that was cut short": (
        cut,
        [
            "model.safetensors: has 8,044,985,512 bytes, and its header describes 8,044,985,515. Download it again"
        ],
    ),
    "a pointer of Git LFS in place of the file": (
        lambda f: f.write("model.safetensors", "version https://git-lfs.github.com/spec/v1\n"),
        ["model.safetensors: is not a complete safetensors file"],
    ),
    "an empty file": (
        lambda f: f.write("model.safetensors", b""),
        ["model.safetensors: is not a complete safetensors file"],
    ),
    "a shard that is not there": (without_a_shard, [f"b.safetensors: is missing, and {INDEX} names it"]),
    "a shard with other tensors than the index says": (
        indexed_wrongly,
        [f"b.safetensors: lm_head.weight is in it, and {INDEX} does not say so, and {len(REST)} more"],
    ),
    "an index without a map": (
        lambda f: f.write(INDEX, {"metadata": {}}),
        [f"{INDEX}: has no weight_map"],
    ),
    "an index that leads out of the folder": (
        lambda f: f.write(INDEX, {"weight_map": {"t": "../other.safetensors"}}),
        [f"{INDEX}: puts t into '../other.safetensors', no safetensors file beside it"],
    ),
    "another family": (
        lambda f: f.config(model_type="llama"),
        ["config.json: model_type is 'llama', and Qwen 3 4B is 'qwen3'"],
    ),
    "another size of the family": (
        lambda f: f.config(num_hidden_layers=40, intermediate_size=None),
        [
            "config.json: intermediate_size is None, and Qwen 3 4B has 9728",
            "config.json: num_hidden_layers is 40, and Qwen 3 4B has 36",
        ],
    ),
    "quantized weights": (
        lambda f: f.config(quantization_config={"bits": 4}),
        ["config.json: has a quantization_config: tuning needs unquantized weights"],
    ),
    "tensors of another model than the configuration's": (
        lambda f: f.write("model.safetensors", safetensors({**WHOLE, "model.embed_tokens.weight": [10, 20]})),
        [
            f"{SHAPE} (10, 20), and config.json describes (151936, 2560)",
        ],
    ),
    "half of the layers in a single file": (
        lambda f: f.write("model.safetensors", safetensors(without(WHOLE, "model.layers.", range(18, 36)))),
        [f"{NOWHERE} {EIGHTEENTH} and 195 more"],
    ),
    "one tensor less": (
        lambda f: f.write("model.safetensors", safetensors({**EMBEDDINGS, **LAYERS})),
        [f"{NOWHERE} model.norm.weight"],
    ),
    "no output head, and a configuration that does not share the embeddings": (
        lambda f: f.config(tie_word_embeddings=False),
        [f"{NOWHERE} lm_head.weight"],
    ),
    "layers of another width": (
        lambda f: f.write(
            "model.safetensors",
            safetensors({name: [1, 1] if "proj" in name else shape for name, shape in WHOLE.items()}),
        ),
        [
            f"{FIRST}.q_proj.weight: has the shape (1, 1), and config.json describes (4096, 2560)",
            f"{FIRST}.k_proj.weight: has the shape (1, 1), and config.json describes (1024, 2560)",
            f"{FIRST}.v_proj.weight: has the shape (1, 1), and config.json describes (1024, 2560)",
            "config.json: describes other shapes for 249 more tensors",
        ],
    ),
    "a rehearsal's model, for the real service": (
        lambda f: f.config(made_by="vertex-emulator"),
        [
            "config.json: made_by says vertex-emulator: a model of the embedded Vertex AI, not Qwen 3 4B",
        ],
    ),
    "several at once": (
        all_at_once,
        [
            f"w.pt: {PICKLE}",
            "tokenizer.json or tokenizer.model: is missing",
            "config.json: hidden_size is 1, and Qwen 3 4B has 2560",
        ],
    ),
}


@pytest.mark.parametrize("case", SPOILT)
def test_what_is_wrong_is_told(folder: Folder, base: BaseModel, case: str) -> None:
    spoil, told = SPOILT[case]
    spoil(folder)
    checkpoint, problems = examine(folder.path, base, embedded=False)
    assert checkpoint is None
    assert [str(mistake) for mistake in problems] == told


def test_a_folder_that_is_not_there(folder: Folder, base: BaseModel) -> None:
    _, problems = examine(folder.path / "nowhere", base, embedded=False)
    assert [mistake.problem for mistake in problems] == ["is not a folder"]


def test_the_files_of_the_model_and_no_others(folder: Folder, base: BaseModel) -> None:
    folder.sharded({"a.safetensors": EMBEDDINGS, "b.safetensors": REST})
    folder.write("chat_template.jinja", "{{ messages }}")
    folder.write("README.md", "read me")
    folder.write("stray.safetensors", safetensors(REST))
    (folder.path / "original").mkdir()

    checkpoint, problems = examine(folder.path, base, embedded=False)

    assert problems == []
    assert checkpoint is not None
    assert [file.name for file in checkpoint.files] == [
        "a.safetensors",
        "b.safetensors",
        "chat_template.jinja",
        INDEX,
        "tokenizer.json",
        "tokenizer_config.json",
        "config.json",
    ]
    assert checkpoint.left_out == ("README.md", "original", "stray.safetensors")
    assert checkpoint.compared.startswith("the architecture is that of Qwen 3 4B: model_type, hidden_size")


def test_what_is_not_in_the_catalogue_is_not_claimed(folder: Folder) -> None:
    gemma = catalog.find_model("google/gemma3@gemma-3-4b-it")
    folder.config(model_type="gemma3", text_config={"vocab_size": SIZES["vocab_size"], "hidden_size": 2560})
    checkpoint, _ = examine(folder.path, gemma, embedded=False)
    assert checkpoint is not None
    assert checkpoint.compared.startswith("only model_type was compared")


def test_the_embedded_service_takes_what_it_made(folder: Folder, base: BaseModel) -> None:
    folder.config(model_type="llama", head_dim=128, made_by="vertex-emulator")
    checkpoint, problems = examine(folder.path, base, embedded=True)
    assert problems == []
    assert checkpoint is not None
    assert checkpoint.compared.startswith("made by the embedded Vertex AI")


def test_a_real_checkpoint_is_compared_for_a_rehearsal_too(folder: Folder, base: BaseModel) -> None:
    folder.config(num_hidden_layers=1)
    _, problems = examine(folder.path, base, embedded=True)
    assert [mistake.path for mistake in problems] == ["config.json"]


def test_every_base_model_has_an_architecture() -> None:
    for model in catalog.models():
        assert catalog.architecture_of(model.id).model_type
