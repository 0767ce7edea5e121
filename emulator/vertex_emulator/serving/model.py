"""A checkpoint that answers prompts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vertex_emulator.model.checkpoint import Checkpoint, CheckpointError, read_checkpoint
from vertex_emulator.model.prompts import ChatMessage, PromptEncoder
from vertex_emulator.serving.forward import Cache, Network
from vertex_emulator.serving.generation import Completion, Generation
from vertex_emulator.serving.sampling import RequestError, Sampling

__all__ = [
    "ChatMessage",
    "CheckpointError",
    "Completion",
    "Generation",
    "RequestError",
    "Sampling",
    "ServedModel",
]


class ServedModel:
    """A model in memory. It holds no state between calls, so threads may share it."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._config = checkpoint.config
        self._network = Network(checkpoint.config, checkpoint.weights)
        self._tokenizer = checkpoint.tokenizer
        self._encoder = PromptEncoder(checkpoint.tokenizer)

    @classmethod
    def load(cls, folder: Path) -> ServedModel:
        """Read a checkpoint folder; CheckpointError says in one line what is missing or odd."""
        return cls(read_checkpoint(folder))

    def logits(self, token_ids: Sequence[int]) -> np.ndarray:
        """Scores [length, vocabulary] of what follows each of the tokens."""
        tokens = np.asarray(token_ids)
        return self._network.scores(self._network.read(tokens, Cache(self._config, len(tokens))))

    def begin(self, prompt: str | list[ChatMessage], sampling: Sampling) -> Generation:
        """Get ready to continue a prompt, or to answer as the assistant of a chat.

        RequestError when the prompt leaves no room in the model's context of `max_position_embeddings`
        tokens.
        """
        ids = self._encoder.prompt(prompt) if isinstance(prompt, str) else self._encoder.chat(prompt)
        context = self._config.max_position_embeddings
        if len(ids) >= context:
            raise RequestError(f"the prompt has {len(ids)} tokens, and the model's context holds {context}")
        return Generation(self._config, self._network, self._tokenizer, ids, sampling)

    def generate(self, prompt: str | list[ChatMessage], sampling: Sampling) -> Completion:
        """Continue a prompt, or answer as the assistant of a chat, to the end. RequestError as in `begin`."""
        return self.begin(prompt, sampling).finish()
