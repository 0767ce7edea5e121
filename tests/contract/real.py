"""The contract on a real project: what it makes, the most that this costs, and who agrees to it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import msgspec

from vertex_tuning.pricing import Book, Money, list_prices
from vertex_tuning.pricing.money import rounded

PROJECT = "VERTEX_TUNING_CONTRACT_PROJECT"
BUCKET = "VERTEX_TUNING_CONTRACT_BUCKET"
AGREED = "VERTEX_TUNING_CONTRACT_USD"
"""The most in USD that may be spent, for runs without a terminal."""
MODEL, MACHINE, REGION = "meta/llama3_1@llama-3.1-8b", "g2-standard-12", "us-central1"
TEACHER, STUDENT = "deepseek-ai/deepseek-v3.2-maas", "qwen/qwen3@qwen3-4b"
LARGEST = 1 << 20
"""Characters of the largest dataset that a test submits: 5,001 short rows, whose job must be refused."""
PROMPTS = 8
ANSWERS = Decimal(2)
"""USD allowed for a teacher's answers to the prompts: 8 of 32,768 tokens, at up to USD 7 a million."""


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    """What a run makes at most; the suite compares what it asks for with these numbers.

    Attributes:
        tunings: jobs that are submitted; most of them must be refused, or are cancelled at once.
        distillations: the same with a teacher, whose answers to a few prompts are billed apart.
        deployments: of a model on a machine; most of them must be refused.
        machine_hours: of one g2-standard-12 with one L4; two are held at once for a while.
    """

    tunings: int = 24
    distillations: int = 2
    deployments: int = 11
    machine_hours: int = 9

    def most(self, book: Book) -> Money:
        """The most that it can cost by the list prices: every job trains on the largest dataset to its end."""
        trained = self._trained(book, MODEL, self.tunings) + self._trained(book, STUDENT, self.distillations)
        machines = book.node_money(MACHINE, REGION, spot=False) * self.machine_hours
        return trained + machines + Money(ANSWERS * self.distillations)

    def _trained(self, book: Book, model: str, jobs: int) -> Money:
        row = book.training_row(model, "FULL")
        return row.money(Decimal(jobs * LARGEST) / 1_000_000) if row else Money(unknown=(model,))

    def told(self, project: str, bucket: str, book: Book) -> str:
        """For the person who pays."""
        return (
            f"The contract suite runs on the real project {project}. It makes at most {self.tunings} tuning jobs "
            f"of {MODEL} and {self.distillations} distillations of {STUDENT} on tiny data, two endpoints with up "
            f"to two models on {MACHINE}, for {self.machine_hours} machine hours at most, and objects below "
            f"gs://{bucket}/contract-... . It deletes what it makes.\n"
            f"The most that this can cost: {self.most(book).told('USD')}. That includes an allowance of "
            f"{ANSWERS} USD for the answers of {TEACHER} in each distillation."
        )


def agreement(
    environment: Mapping[str, str], ask: Callable[[str], str | None], say: Callable[[str], object]
) -> str | None:
    """Why the real project may not be used, or ``None`` if somebody agreed to the sum.

    Args:
        environment: of the process.
        ask: puts a question to a person at a terminal; ``None`` where there is none.
        say: shows a text to whoever started the run.
    """
    billing_line, book = Bill(), list_prices()
    say(billing_line.told(environment[PROJECT], environment[BUCKET], book))
    most = billing_line.most(book).known
    given = environment.get(AGREED)
    if given is not None:
        with suppress(ArithmeticError):
            if Decimal(given) >= most:
                return None
        return f"{AGREED}={given} is below {rounded(most)} USD"
    answer = ask("Type yes to go on: ")
    if answer is None:
        return f"no terminal to ask at; set {AGREED} to the most in USD that may be spent"
    return None if answer.strip().lower() == "yes" else "nobody agreed"


def at_terminal(question: str) -> str | None:
    """A person's answer, past whatever captures the output; ``None`` without a terminal."""
    try:
        with Path("/dev/tty").open("r+") as terminal:
            terminal.write(question)
            terminal.flush()
            return terminal.readline()
    except OSError:
        return None


def asked_for() -> bool:
    """Whether a real project is named."""
    return bool(os.environ.get(PROJECT) and os.environ.get(BUCKET))
