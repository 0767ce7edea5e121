"""Models in memory: loaded at the first prediction, kept by content, run in a small pool of threads."""

import asyncio
import contextlib
import shutil
import sys
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from vertex_emulator.prediction import Answered, Asked, ChatAsked, answered, begin, events
from vertex_emulator.store.store import Store
from vertex_emulator.timings import Timings
from vertex_emulator.weights import Weights, local_name
from vertex_emulator.wire.errors import ApiError, precondition

if TYPE_CHECKING:
    from vertex_emulator.serving.model import Generation, ServedModel

MAX_MODELS = 2
MAX_THREADS = 2
MAX_WAITING = 64
"""Predictions that may wait or run at once; beyond that the answer is 429."""


class BaseWeights(msgspec.Struct, frozen=True):
    """The weights that every tuning starts from, unless its request names others."""

    key: str = "base"


class Predictor:
    """Answers prompts from weights in the store, and from the base model."""

    def __init__(self, store: Store, cache: Path) -> None:
        self._store = store
        self._cache = cache
        self._base: Path | None = None
        self._pool = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="predict")
        self._models: OrderedDict[str, asyncio.Future[ServedModel]] = OrderedDict()
        self._waiting = 0
        self.timings = Timings()

    async def predict(self, weights: Weights | BaseWeights, asked: Sequence[Asked]) -> list[Answered]:
        """Answers in the order of the questions.

        Raises:
            ApiError: RESOURCE_EXHAUSTED when too many predictions wait, FAILED_PRECONDITION when the weights
                are no checkpoint, INVALID_ARGUMENT when a prompt is too long for the model.
        """
        self._check_room()
        with self._counted():
            model = await self._model(weights)
            loop = asyncio.get_running_loop()
            return [await loop.run_in_executor(self._pool, self._answer, model, item) for item in asked]

    async def stream(self, weights: Weights | BaseWeights, asked: ChatAsked) -> AsyncIterator[bytes]:
        """An answer as server-sent events, made while they are read. Raises as `predict`, before any."""
        self._check_room()
        with self._counted():
            model = await self._model(weights)
            loop = asyncio.get_running_loop()
            generation = await loop.run_in_executor(self._pool, begin, model, asked)
        return self._events(asked, generation)

    async def _events(self, asked: ChatAsked, generation: "Generation") -> AsyncIterator[bytes]:
        made = events(asked, generation, lambda: generation.completion)
        loop = asyncio.get_running_loop()
        with self._counted():
            try:
                while (event := await loop.run_in_executor(self._pool, next, made, None)) is not None:
                    yield event
            finally:
                self.timings.add(generation)

    def _check_room(self) -> None:
        if self._waiting >= MAX_WAITING:
            raise ApiError(8, "Too many predictions wait for this emulator's processor.")

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    def _answer(self, model: "ServedModel", question: Asked) -> Answered:
        generation = begin(model, question)
        done = generation.finish()
        self.timings.add(generation)
        return answered(question, done)

    async def _model(self, weights: Weights | BaseWeights) -> "ServedModel":
        future = self._models.get(weights.key)
        if future is None:
            future = asyncio.ensure_future(self._load(weights))
            self._models[weights.key] = future
        self._models.move_to_end(weights.key)
        try:
            # A caller that disconnects must not stop a load that others need.
            return await asyncio.shield(future)
        except Exception:
            if self._models.get(weights.key) is future:
                del self._models[weights.key]
            raise
        finally:
            self._make_room()

    def _make_room(self) -> None:
        """Evict the least recently used models, except those that are loading."""
        loaded = [key for key, future in self._models.items() if future.done()]
        for key in loaded[: max(0, len(self._models) - MAX_MODELS)]:
            del self._models[key]

    async def _load(self, weights: Weights | BaseWeights) -> "ServedModel":
        from vertex_emulator.serving.model import CheckpointError, ServedModel

        loop = asyncio.get_running_loop()
        if isinstance(weights, BaseWeights):
            self._base = self._base or await self._find_base()
            return await loop.run_in_executor(self._pool, ServedModel.load, self._base)
        folder = self._store.served_folder()
        try:
            for index, item in enumerate(weights.objects):
                self._store.blobs.materialise(
                    item.blob, local_name(folder, weights.uri.path, item.name, index)
                )
            return await loop.run_in_executor(self._pool, ServedModel.load, folder)
        except CheckpointError as error:
            raise precondition(f"The model at {weights.uri} cannot be loaded: {error}") from None
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    async def _find_base(self) -> Path:
        """The base model's folder. Another process makes or finds it: this one avoids JAX."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "vertex_emulator.training.base", str(self._cache)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            output, complaint = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        if process.returncode != 0:
            raise ApiError(13, f"The base model cannot be made: {complaint.decode(errors='replace')[-300:]}")
        return Path(output.decode())

    def close(self) -> None:
        """Stop the threads without waiting."""
        self._pool.shutdown(wait=False, cancel_futures=True)
