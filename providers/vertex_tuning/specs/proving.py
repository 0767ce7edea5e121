"""Evaluation and canary of a new model."""

from __future__ import annotations

import enum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from .fields import Count, Spec, local_path, whole
from .shape import Shape


class Match(enum.StrEnum):
    """How an answer is compared."""

    EXACT = "exact"
    CONTAINS = "contains"


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
Duration = Annotated[str, Shape(r"^[0-9]{1,6}[smhd]$", "a whole number and s, m, h or d, such as 90s or 10m")]
MatchChoice = Annotated[Match, Field(strict=False)]
Score = Annotated[float, Field(ge=0, le=1, strict=False)]
VariableName = Annotated[str, Shape(r"^[A-Za-z_][A-Za-z0-9_]{0,200}$", "a variable's name, such as HF_HOME")]
PerCent = Annotated[int, BeforeValidator(whole), Field(ge=1, le=99)]


def seconds(duration: str) -> float:
    """``90s``, ``15m``, ``6h`` or ``1d`` in seconds."""
    return float(duration[:-1]) * _UNITS[duration[-1]]


class Evaluation(Spec):
    """The evaluation of a new model before it gets traffic: one of ``prompts`` and ``command``.

    Attributes:
        threshold: the minimum score, from 0 to 1.
        match: ``exact``, or ``contains`` if the expected text may be anywhere in the answer.
        max_tokens: maximum length of an answer.
        timeout: time limit of the evaluation, such as 90s, 10m or 1h.
        directory: the command's working folder.
        prompts: local JSON Lines file of objects with ``prompt`` and ``expected``; the score is the
            share of right answers.
        command: program and arguments, run without a shell on the machine that runs Pulumi; the endpoint is
            in ``EVALUATION_ENDPOINT``, its address in ``EVALUATION_ADDRESS``. The last line of its output is
            the score, or an object with ``score`` and ``n``. It runs with the rights of whoever runs ``up``.
        environment: additional environment variables for the command, such as
            GOOGLE_APPLICATION_CREDENTIALS. It also gets PATH, HOME, locale and ``EVALUATION_...``, and no
            others.
    """

    threshold: Score
    match: MatchChoice = Match.EXACT
    max_tokens: Count = 64
    timeout: Duration = "10m"
    directory: str = "."
    prompts: Annotated[str, Field(min_length=1), AfterValidator(local_path)] | None = None
    command: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] | None = None
    environment: Annotated[tuple[VariableName, ...], Field(strict=False, max_length=50)] | None = None

    @field_validator("command")
    @classmethod
    def _one_measure(cls, value: tuple[str, ...] | None, info: ValidationInfo) -> tuple[str, ...] | None:
        if "prompts" in info.data and (info.data["prompts"] is None) == (value is None):
            raise ValueError("give one of prompts and command")
        return value


class Canary(Spec):
    """The steps in which a new model takes over the traffic.

    Attributes:
        steps: shares of the traffic in per cent, rising; after the last the model gets all of it.
        wait: how long each step lasts, such as 90s, 10m or 1h; then the model is evaluated again.
    """

    steps: Annotated[tuple[PerCent, ...], Field(strict=False, min_length=1, max_length=20)]
    wait: Duration = "10m"

    @field_validator("steps")
    @classmethod
    def _rising(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if list(value) != sorted(set(value)):
            raise ValueError("the steps must rise")
        return value
