"""One training job from its inputs to its artifacts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vertex_emulator.model.checkpoint import Checkpoint, pretty_json, write_checkpoint
from vertex_emulator.model.files import replace_file
from vertex_emulator.model.prompts import Encoded, Example, PromptEncoder
from vertex_emulator.training.base import cached_base
from vertex_emulator.training.batches import in_batches, truncate
from vertex_emulator.training.inputs import Inputs
from vertex_emulator.training.loop import Plan, Report, train
from vertex_emulator.training.lora import merge, new_adapters, write_adapters
from vertex_emulator.training.metrics import Metrics
from vertex_emulator.training.optimise import Learner, Trained, use_cpu
from vertex_emulator.training.spec import Phase, TrainingSpec
from vertex_emulator.training.teacher import answered
from vertex_emulator.training.unigram import unigram_loss


def run(spec: TrainingSpec, inputs: Inputs, report: Report) -> Metrics:
    """Train, write `checkpoints/` and metrics.json under the output folder, and call `report` for every
    step.

    Equal inputs and an equal seed give equal bytes on one machine. TrainingError: the loss left the numbers.
    """
    use_cpu(Path(spec.cache_dir))
    base = inputs.custom_base or cached_base(Path(spec.cache_dir))
    pad, size = base.config.pad_token_id, inputs.hyperparameters.batch_size
    rows = inputs.training
    if spec.labelled_file is not None:
        rows = answered(base, rows, Path(spec.labelled_file))
    whole = _encode(base, rows)
    training = [truncate(example) for example in whole]
    validation = (
        None if inputs.validation is None else [truncate(row) for row in _encode(base, inputs.validation)]
    )
    measured_on = None if validation is None else in_batches(validation, size, pad)

    learner = _learner(base, inputs.hyperparameters.adapter_size, spec.seed)
    base_loss = None if measured_on is None else learner.loss(measured_on)
    plan = Plan(inputs.hyperparameters, training, measured_on, pad, spec.seed)
    checkpoints = Path(spec.output_dir) / "checkpoints"

    def keep(number: int) -> None:
        write_checkpoint(checkpoints / f"checkpoint-{number}", _whole(base, learner.trained()))

    epochs = train(learner, plan, report, (lambda _: None) if spec.last_checkpoint_only else keep)

    report(plan.progress(Phase.SAVING, epochs, plan.steps))
    vocabulary = base.config.vocab_size
    metrics = Metrics(
        mode=spec.mode,
        seed=spec.seed,
        hyperparameters=inputs.hyperparameters,
        examples=len(training),
        validation_examples=len(validation or ()),
        tokens=sum(len(example.ids) for example in training),
        learned_tokens=sum(sum(example.learned) for example in training),
        truncated=sum(before is not after for before, after in zip(whole, training, strict=True)),
        base_validation_loss=base_loss,
        unigram_training_loss=unigram_loss(training, training, vocabulary),
        unigram_validation_loss=None
        if validation is None
        else unigram_loss(training, validation, vocabulary),
        epochs=epochs,
    )
    trained = learner.trained()
    if metrics.hyperparameters.adapter_size is not None:
        write_adapters(checkpoints / "adapter", trained.adapters, metrics.hyperparameters.adapter_size)
    write_checkpoint(checkpoints / "final", _whole(base, trained))
    replace_file(Path(spec.output_dir) / "metrics.json", pretty_json(metrics))
    report(plan.progress(Phase.DONE, epochs, plan.steps))
    return metrics


def _encode(base: Checkpoint, examples: Sequence[Example]) -> list[Encoded]:
    encoder = PromptEncoder(base.tokenizer)
    return [encoder.example(example) for example in examples]


def _learner(base: Checkpoint, adapter_size: int | None, seed: int) -> Learner:
    if adapter_size is None:
        return Learner(base.config, Trained(base.weights, {}), frozen={})
    adapters = new_adapters(base.config, adapter_size, np.random.default_rng([seed, 0]))
    return Learner(base.config, Trained({}, adapters), frozen=base.weights)


def _whole(base: Checkpoint, trained: Trained) -> Checkpoint:
    """The base with what was learned in it: a full set of weights, of an adapter too."""
    return base._replace(weights=merge({**base.weights, **trained.tensors}, trained.adapters))
