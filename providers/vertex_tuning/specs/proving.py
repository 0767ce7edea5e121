"""What a new model has to show, and how it takes the traffic."""

from __future__ import annotations

import enum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from .fields import Count, Spec, local_path, whole
from .shape import Shape


class Match(enum.StrEnum):
    """When an answer is right."""

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
    """What a new model has to show before it gets any of the traffic: one of ``prompts`` and ``command``.

    Attributes:
        threshold: the least score, from 0 to 1.
        match: ``exact``, or ``contains`` when the expected text may stand anywhere in the answer.
        max_tokens: longest answer to a prompt.
        timeout: when it is given up, such as 90s, 10m or 1h.
        directory: where the command runs.
        prompts: local JSON Lines file of objects with ``prompt`` and ``expected``; the score is the
            share of right answers.
        command: program and arguments, run without a shell where Pulumi runs; the endpoint to ask is in
            ``EVALUATION_ENDPOINT``, its address in ``EVALUATION_ADDRESS``. The last line of its output is
            the score, or an object with ``score`` and ``n``. It runs with the rights of whoever runs ``up``.
        environment: names of environment variables that the command gets beside PATH, HOME, locale and
            ``EVALUATION_...``, such as GOOGLE_APPLICATION_CREDENTIALS; no other reaches it.
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
    """How a new model takes the traffic of the one before, step by step.

    Attributes:
        steps: per cents of the traffic, rising; all of it follows the last.
        wait: how long each step lasts, such as 90s, 10m or 1h; then the evaluation is made once more.
    """

    steps: Annotated[tuple[PerCent, ...], Field(strict=False, min_length=1, max_length=20)]
    wait: Duration = "10m"

    @field_validator("steps")
    @classmethod
    def _rising(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if list(value) != sorted(set(value)):
            raise ValueError("the steps have to rise")
        return value
