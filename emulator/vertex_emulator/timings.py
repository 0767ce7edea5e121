"""How long predictions take, counted by token: for the emulator's own surface, never in Google's answers."""

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vertex_emulator.serving.generation import Generation


class Timings:
    """Sums over all predictions since the server started. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._predictions = 0
        self._prompt_tokens = 0
        self._prompt_s = 0.0
        self._answer_tokens = 0
        self._later_tokens = 0
        self._answer_s = 0.0

    def add(self, generation: "Generation") -> None:
        """Count a prediction that has ended, or was broken off."""
        done = generation.completion
        with self._lock:
            self._predictions += 1
            self._prompt_tokens += done.prompt_tokens
            self._prompt_s += generation.prompt_s
            self._answer_tokens += done.completion_tokens
            self._later_tokens += max(done.completion_tokens - 1, 0)
            self._answer_s += generation.answer_s

    def shown(self) -> dict[str, Any]:
        """Counts, and seconds for a token of a prompt and of an answer; None before there was one.

        The first token of an answer is known when the prompt has been read, so its time counts there.
        """
        with self._lock:
            return {
                "predictions": self._predictions,
                "prompt_tokens": self._prompt_tokens,
                "answer_tokens": self._answer_tokens,
                "seconds_per_prompt_token": _ratio(self._prompt_s, self._prompt_tokens),
                "seconds_per_answer_token": _ratio(self._answer_s, self._later_tokens),
            }


def _ratio(seconds: float, tokens: int) -> float | None:
    return seconds / tokens if tokens else None
