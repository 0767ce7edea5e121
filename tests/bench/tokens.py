"""Time per token of the embedded service's answers: what its cache of keys and values saves."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.emulator import CACHE
from vertex_emulator.model.checkpoint import read_checkpoint
from vertex_emulator.model.prompts import PromptEncoder
from vertex_emulator.serving.model import Sampling, ServedModel
from vertex_emulator.training.base import base_folder

PROMPT = "What is a module?"
GREEDY = Sampling(max_tokens=60, temperature=0.0)


def answers() -> dict[str, Callable[[], object]]:
    """Two ways to the same tokens: reading on from a cache, and reading everything again for each token."""
    folder = base_folder(CACHE)
    model = ServedModel.load(folder)
    ids = PromptEncoder(read_checkpoint(folder).tokenizer).prompt(PROMPT)
    count = model.begin(PROMPT, GREEDY).finish().completion_tokens

    def reading_on() -> None:
        generation = model.begin(PROMPT, GREEDY)
        generation.finish()
        print(f"  {1e3 * generation.answer_s / (count - 1):.2f} ms per token of the answer", flush=True)

    def reading_again() -> None:
        read = list(ids)
        for _ in range(count):
            read.append(int(model.logits(read)[-1].argmax()))

    return {"reading_on": reading_on, "reading_again": reading_again}
