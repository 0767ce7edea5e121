"""The embedded service's base model, made once from plain text and kept: tuning starts from it."""

from __future__ import annotations

import fcntl
import hashlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np

from vertex_emulator.model.architecture import ModelConfig, tensor_shapes
from vertex_emulator.model.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from vertex_emulator.model.prompts import (
    BOS,
    EOS,
    PAD,
    Chat,
    ChatMessage,
    PromptCompletion,
    PromptEncoder,
    Role,
    token_id,
)
from vertex_emulator.model.tokenizer import train_tokenizer
from vertex_emulator.training.base_text import base_documents
from vertex_emulator.training.batches import Batch
from vertex_emulator.training.optimise import Learner, Trained, rate_at


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """How the base model is trained; any change makes another base model."""

    steps: int = 120
    rows: int = 8
    length: int = 256
    learning_rate: float = 4e-3
    seed: int = 0


RECIPE = Recipe()
_CODE = (
    "model/architecture",
    "model/prompts",
    "model/tokenizer",
    "training/base",
    "training/network",
    "training/optimise",
)


def cached_base(cache_dir: Path, recipe: Recipe = RECIPE) -> Checkpoint:
    """The base model, made now if the cache does not hold it; processes that need it at once make it once."""
    return read_checkpoint(base_folder(cache_dir, recipe))


def base_folder(cache_dir: Path, recipe: Recipe = RECIPE) -> Path:
    """Where the base model lies, made now if it is not there."""
    documents = base_documents()
    folder = cache_dir / f"base-{_key(documents, recipe)}"
    cache_dir.mkdir(parents=True, exist_ok=True)
    with _locked(folder.with_suffix(".lock")):
        if not folder.exists():
            write_checkpoint(folder, make_base(documents, recipe))
    return folder


def make_base(documents: Mapping[str, str], recipe: Recipe) -> Checkpoint:
    """Train a tokenizer and a model on the documents, by title."""
    tokenizer = train_tokenizer(documents.values())
    config = ModelConfig(
        vocab_size=tokenizer.get_vocab_size(),
        bos_token_id=token_id(tokenizer, BOS),
        eos_token_id=token_id(tokenizer, EOS),
        pad_token_id=token_id(tokenizer, PAD),
    )
    random = np.random.default_rng(recipe.seed)
    stream = _stream(documents, PromptEncoder(tokenizer))
    learner = Learner(config, Trained(_initial_weights(config, random), {}), frozen={})
    for step in range(recipe.steps):
        learner.step(_windows(stream, recipe, random), rate_at(step, recipe.steps, recipe.learning_rate))
    return Checkpoint(config, learner.trained().tensors, tokenizer)


def _key(documents: Mapping[str, str], recipe: Recipe) -> str:
    """Names the base model by all that makes it: the text, the recipe, and the code that follows it."""
    digest = hashlib.sha256(msgspec.json.encode([documents, recipe]))
    for name in _CODE:
        digest.update((Path(__file__).parents[1] / f"{name}.py").read_bytes())
    return digest.hexdigest()[:16]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(
            file, fcntl.LOCK_EX
        )  # The system releases it when the file is closed, or its process dies.
        yield


def _stream(documents: Mapping[str, str], encoder: PromptEncoder) -> np.ndarray:
    """All documents as one row of ids: every other one as a chat, so that the role tokens are known too."""
    ids: list[int] = []
    for number, (title, text) in enumerate(documents.items()):
        turns = (ChatMessage(Role.USER, title), ChatMessage(Role.ASSISTANT, text))
        ids += encoder.example(Chat(turns) if number % 2 else PromptCompletion("", text)).ids
    return np.array(ids, dtype=np.int32)


def _windows(stream: np.ndarray, recipe: Recipe, random: np.random.Generator) -> Batch:
    starts = random.integers(0, len(stream) - recipe.length, recipe.rows)
    windows = stream[starts[:, None] + np.arange(recipe.length + 1)]
    inputs, targets = windows[None, :, :-1], windows[None, :, 1:]
    return Batch(inputs, targets, np.ones(targets.shape, dtype=np.float32))


def _initial_weights(config: ModelConfig, random: np.random.Generator) -> dict[str, np.ndarray]:
    def weights(shape: tuple[int, ...]) -> np.ndarray:
        if len(shape) == 1:  # the scale of a normalisation
            return np.ones(shape, dtype=np.float32)
        return random.normal(0.0, 0.5 * shape[1] ** -0.5, shape).astype(np.float32)

    return {name: weights(shape) for name, shape in tensor_shapes(config).items()}


if __name__ == "__main__":  # python -m vertex_emulator.training.base CACHE_DIR
    sys.stdout.write(str(base_folder(Path(sys.argv[1]))))
