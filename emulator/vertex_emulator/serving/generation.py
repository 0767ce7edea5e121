"""One answer while it is made: token by token, over a cache of what was read before."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec
import numpy as np
from tokenizers import Tokenizer

from vertex_emulator.model.architecture import ModelConfig
from vertex_emulator.serving.forward import Cache, Network
from vertex_emulator.serving.sampling import Sampling, choose

# What a decoder puts in the place of a character of which some bytes are still to come.
_UNFINISHED = "\N{REPLACEMENT CHARACTER}"


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """What the model said.

    `finish_reason` is "stop" when it ended by itself or at a `stop` of its sampling, and "length" when
    max_tokens or the end of its context cut it off. The end token counts in `completion_tokens` and is no
    text.
    """

    text: str
    prompt_tokens: int
    completion_tokens: int
    finish_reason: Literal["stop", "length"]


class Generation:
    """Iterate over it for the pieces of its text; then `completion` is the whole.

    `prompt_s` are the seconds until the first token was known, `answer_s` those of all tokens after it.
    """

    def __init__(
        self,
        config: ModelConfig,
        network: Network,
        tokenizer: Tokenizer,
        ids: Sequence[int],
        sampling: Sampling,
    ) -> None:
        self._config = config
        self._network = network
        self._tokenizer = tokenizer
        self._ids = ids
        self._room = min(sampling.max_tokens, config.max_position_embeddings - len(ids))
        self._sampling = sampling
        self._answer: list[int] = []
        self._stop_at: int | None = None
        self.prompt_s = 0.0
        self.answer_s = 0.0

    def __iter__(self) -> Iterator[str]:
        shown = ""
        for _ in self._tokens():
            text = self._text()
            if text.endswith(_UNFINISHED):
                continue
            certain = text[: len(text) - _begun(text, self._sampling.stop)]
            if len(certain) > len(shown):
                yield certain[len(shown) :]
                shown = certain
        if self._text() != shown:
            yield self._text()[len(shown) :]

    @property
    def completion(self) -> Completion:
        """The answer as far as it has come."""
        return Completion(
            text=self._text(),
            prompt_tokens=len(self._ids),
            completion_tokens=len(self._answer),
            finish_reason="stop" if self._ended() else "length",
        )

    def finish(self) -> Completion:
        """Make the whole answer at once."""
        for _ in self._tokens():
            pass
        return self.completion

    def _tokens(self) -> Iterator[int]:
        random = np.random.default_rng(self._sampling.seed)
        cache = Cache(self._config, len(self._ids) + self._room)
        unread = np.asarray(self._ids)
        started = time.perf_counter()
        while len(self._answer) < self._room and not self._ended():
            hidden = self._network.read(unread, cache)
            token = choose(self._network.scores(hidden[-1]), self._sampling, random)
            self._answer.append(token)
            self._look_for_stop()
            now = time.perf_counter()
            if len(self._answer) == 1:
                self.prompt_s = now - started
            self.answer_s = now - started - self.prompt_s
            yield token
            unread = np.asarray([token])

    def _look_for_stop(self) -> None:
        text = self._text() if self._sampling.stop else ""
        found = [place for stop in self._sampling.stop if (place := text.find(stop)) >= 0]
        self._stop_at = min(found, default=None)

    def _ended(self) -> bool:
        return self._stop_at is not None or self._said_end()

    def _said_end(self) -> bool:
        return bool(self._answer) and self._answer[-1] == self._config.eos_token_id

    def _text(self) -> str:
        text: str = self._tokenizer.decode(self._answer[:-1] if self._said_end() else self._answer)
        return text[: self._stop_at]


def _begun(text: str, stops: Sequence[str]) -> int:
    """How many signs at the end of a text may be the beginning of a stop."""
    begun = (size for stop in stops for size in range(1, len(stop)) if text.endswith(stop[:size]))
    return max(begun, default=0)
