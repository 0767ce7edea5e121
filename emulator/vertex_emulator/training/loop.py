"""The epochs of a run and their progress reports."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from vertex_emulator.model.prompts import Encoded
from vertex_emulator.training.batches import Batch, in_batches
from vertex_emulator.training.hyperparameters import Hyperparameters
from vertex_emulator.training.metrics import EpochMetrics
from vertex_emulator.training.optimise import Learner, rate_at
from vertex_emulator.training.spec import LossPoint, Phase, Progress, TrainingError

Report = Callable[[Progress], None]
Keep = Callable[[int], None]
"""Keeps the weights under a number: of the examples so far, so that numbers do not follow one another."""
MOST_CHECKPOINTS = 10
"""Intermediate checkpoints of a job at most."""


class Plan(NamedTuple):
    """Everything that decides how a run goes."""

    hyperparameters: Hyperparameters
    training: Sequence[Encoded]
    validation: Sequence[Batch] | None
    pad: int
    seed: int

    @property
    def steps(self) -> int:
        """Optimiser steps in the whole run; the last batch of an epoch may be short."""
        return self.hyperparameters.epochs * self.steps_per_epoch

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps in one epoch."""
        return math.ceil(len(self.training) / self.hyperparameters.batch_size)

    def progress(
        self, phase: Phase, done: Sequence[EpochMetrics] = (), step: int = 0, loss: float | None = None
    ) -> Progress:
        """The run after `step` steps: the epochs that are done and, in the first one, the loss so far."""
        return Progress(
            phase=phase,
            epoch=len(done),
            epochs=self.hyperparameters.epochs,
            step=step,
            steps=self.steps,
            loss=done[-1].training_loss if done else loss,
            validation_loss=done[-1].validation_loss if done else None,
            examples=len(self.training),
            reason=None,
            losses=tuple(
                LossPoint(each.epoch * self.steps_per_epoch, each.training_loss, each.validation_loss)
                for each in done
            ),
        )


def checkpoint_epochs(epochs: int) -> frozenset[int]:
    """The epochs after which a checkpoint is kept: each one below ten, or else ten that are evenly spread."""
    most = min(epochs, MOST_CHECKPOINTS)
    return frozenset(epochs * number // most for number in range(1, most + 1))


def train(learner: Learner, plan: Plan, report: Report, keep: Keep) -> tuple[EpochMetrics, ...]:
    """Run all epochs, reporting after every step; TrainingError when the loss is no longer a number."""
    random = np.random.default_rng([plan.seed, 1])
    peak = plan.hyperparameters.learning_rate
    done: list[EpochMetrics] = []
    step = 0
    report(plan.progress(Phase.TRAINING))
    kept = checkpoint_epochs(plan.hyperparameters.epochs)
    for epoch in range(1, plan.hyperparameters.epochs + 1):
        losses: list[float] = []
        for batch in in_batches(plan.training, plan.hyperparameters.batch_size, plan.pad, random):
            losses.append(_number(learner.step(batch, rate_at(step, plan.steps, peak)), step))
            step += 1
            report(plan.progress(Phase.TRAINING, done, step, float(np.mean(losses))))
        validation = None if plan.validation is None else _number(learner.loss(plan.validation), step)
        done.append(
            EpochMetrics(epoch=epoch, training_loss=float(np.mean(losses)), validation_loss=validation)
        )
        if epoch in kept:
            keep(epoch * len(plan.training))
        report(plan.progress(Phase.TRAINING, done, step))
    return tuple(done)


def _number(loss: object, step: int) -> float:
    value = float(np.asarray(loss))
    if not math.isfinite(value):
        raise TrainingError(f"the loss left the numbers at step {step}: choose a smaller learning rate")
    return value
