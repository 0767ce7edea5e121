from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.emulator.training.conftest import MakeSpec
from tests.emulator.training.reference import reference_logits
from tests.emulator.training.support import Job, run_job, tensors
from vertex_emulator.model.architecture import projection_names, tensor_shapes
from vertex_emulator.model.checkpoint import Checkpoint, read_checkpoint
from vertex_emulator.serving.model import Sampling, ServedModel
from vertex_emulator.training.batches import Batch
from vertex_emulator.training.lora import SCALING
from vertex_emulator.training.optimise import Learner, Trained
from vertex_emulator.training.spec import Phase, TrainingError, TuningMode

TEXT = "What of the old cat in the garden? It says 12 things: é, 🙂."


def test_a_full_job_writes_a_labelled_checkpoint(full_job: Job) -> None:
    files = {path.name for path in full_job.final.iterdir()}
    assert files == {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
    }
    config = json.loads((full_job.final / "config.json").read_text())
    assert (config["made_by"], config["architectures"]) == ("vertex-emulator", ["LlamaForCausalLM"])
    shapes = tensor_shapes(read_checkpoint(full_job.final).config)
    assert {name: tensor.shape for name, tensor in full_job.weights.items()} == shapes
    assert not full_job.adapter.exists()


def test_the_metrics_file_says_what_was_measured(full_job: Job, base: Checkpoint) -> None:
    written = json.loads((full_job.folder / "metrics.json").read_text())
    assert written["made_by"] == "vertex-emulator"
    assert (written["examples"], written["validation_examples"], written["truncated"]) == (48, 24, 0)
    assert [epoch["epoch"] for epoch in written["epochs"]] == [1, 2]
    assert 0 < written["learned_tokens"] < written["tokens"]
    assert written["unigram_training_loss"] < np.log(base.config.vocab_size)
    assert full_job.last_validation_loss < written["base_validation_loss"]


def test_progress_is_told_from_the_first_step_to_the_end(adapter_job: Job) -> None:
    reports = adapter_job.reports
    assert [report.phase for report in reports[-2:]] == [Phase.SAVING, Phase.DONE]
    assert {report.phase for report in reports[:-2]} == {Phase.TRAINING}
    assert [report.step for report in reports] == sorted(report.step for report in reports)
    last = reports[-1]
    assert (last.epoch, last.epochs, last.step, last.steps, last.examples) == (2, 2, 12, 12, 48)
    assert last.loss == adapter_job.metrics.epochs[-1].training_loss
    assert last.validation_loss == adapter_job.last_validation_loss


def test_mode_full_moves_every_tensor(full_job: Job, base: Checkpoint) -> None:
    weights = full_job.weights
    assert [name for name, tensor in base.weights.items() if np.array_equal(tensor, weights[name])] == []


def test_an_adapter_leaves_the_base_as_it_is(adapter_job: Job, base: Checkpoint) -> None:
    merged, pairs = adapter_job.weights, tensors(adapter_job.adapter / "adapter_model.safetensors")
    adapted = projection_names(base.config)
    for name, tensor in base.weights.items():
        if name not in adapted:
            assert merged[name].tobytes() == tensor.tobytes(), f"{name} has no adapter and is bit-identical"
            continue
        module = "base_model.model." + name.removesuffix(".weight")
        down, up = pairs.pop(f"{module}.lora_A.weight"), pairs.pop(f"{module}.lora_B.weight")
        assert np.abs(up).max() > 0, "the adapter has learned"
        np.testing.assert_allclose(merged[name] - SCALING * (up @ down), tensor, atol=1e-6)
    assert not pairs, "nothing else is adapted"


def test_the_adapter_names_its_rank_and_scale(make_spec: MakeSpec) -> None:
    job = run_job(make_spec(mode=TuningMode.PEFT_ADAPTER, adapter_size=4))
    config = json.loads((job.adapter / "adapter_config.json").read_text())
    assert (config["peft_type"], config["r"], config["lora_alpha"]) == ("LORA", 4, 8)
    ranks = {min(tensor.shape) for tensor in tensors(job.adapter / "adapter_model.safetensors").values()}
    assert ranks == {4}


def test_a_large_batch_learns_as_a_whole_though_it_is_computed_in_parts(base: Checkpoint) -> None:
    random = np.random.default_rng(0)
    tokens = random.integers(0, base.config.vocab_size, (2, 20, 33))
    inputs, targets = tokens[..., :-1].astype(np.int32), tokens[..., 1:].astype(np.int32)
    weights = random.integers(0, 2, inputs.shape).astype(np.float32)

    def moved(parts: int) -> np.ndarray:
        shape = (parts, 40 // parts, 32)
        batch = Batch(inputs.reshape(shape), targets.reshape(shape), weights.reshape(shape))
        learner = Learner(base.config, Trained(base.weights, {}), frozen={})
        learner.step(batch, 1e-3)
        return learner.trained().tensors["lm_head.weight"] - base.weights["lm_head.weight"]

    whole = moved(parts=1)
    assert np.abs(whole).max() > 1e-4
    np.testing.assert_allclose(moved(parts=5), whole, atol=2e-5)


@pytest.mark.parametrize("mode", TuningMode)
def test_a_seed_decides_every_byte(make_spec: MakeSpec, mode: TuningMode) -> None:
    first, again, other = (
        (run_job(make_spec(mode=mode, seed=seed)).final / "model.safetensors").read_bytes()
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize("before", ["full_job", "adapter_job"])
def test_a_job_continues_from_an_earlier_one(
    before: str, make_spec: MakeSpec, request: pytest.FixtureRequest
) -> None:
    earlier: Job = request.getfixturevalue(before)
    later = run_job(make_spec(custom_base=str(earlier.final), learning_rate=9e-4))
    assert later.metrics.base_validation_loss == pytest.approx(earlier.last_validation_loss, abs=1e-4)
    assert later.last_validation_loss < earlier.last_validation_loss


def test_a_rate_that_is_far_too_large_ends_the_job_and_leaves_no_checkpoint(make_spec: MakeSpec) -> None:
    given = make_spec(learning_rate=1e30)
    with pytest.raises(TrainingError, match="the loss left the numbers at step"):
        run_job(given)
    assert not Path(given.output_dir).exists()


def test_training_serving_and_the_definition_compute_the_same(full_job: Job) -> None:
    from jax import numpy as jnp

    from vertex_emulator.training.network import logits

    checkpoint = read_checkpoint(full_job.final)
    tokens = checkpoint.tokenizer.encode(TEXT).ids
    weights = {name: jnp.array(tensor) for name, tensor in checkpoint.weights.items()}
    expected = reference_logits(checkpoint.config, checkpoint.weights, tokens)
    trained_with = logits(weights, checkpoint.config, jnp.array([tokens]))[0]
    served_with = ServedModel.load(full_job.final).logits(tokens)
    np.testing.assert_allclose(served_with, expected, atol=1e-4)
    np.testing.assert_allclose(trained_with, expected, atol=1e-4)


def test_answers_come_from_the_bytes_of_the_artifact(full_job: Job) -> None:
    """Zeroing the output layer in the file, in place, changes the answer; putting the bytes back restores
    it."""
    path = full_job.final / "model.safetensors"
    greedy = Sampling(max_tokens=12, temperature=0.0)

    def answer() -> str:
        return ServedModel.load(full_job.final).generate("What of the old cat in the garden?", greedy).text

    whole = path.read_bytes()
    before = answer()
    output = full_job.weights["lm_head.weight"].tobytes()
    assert whole.count(output) == 1
    try:
        path.write_bytes(whole.replace(output, bytes(len(output))))
        assert answer() != before
    finally:
        path.write_bytes(whole)
    assert before
    assert answer() == before
