"""How many predictions may wait, and what becomes of those that load at once."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from vertex_emulator.jobs.publish import adopt_files
from vertex_emulator.prediction import Answered, PromptAsked
from vertex_emulator.predictor import MAX_MODELS, MAX_WAITING, BaseWeights, Predictor
from vertex_emulator.serving.model import ServedModel
from vertex_emulator.store.store import Store
from vertex_emulator.weights import find_weights
from vertex_emulator.wire.errors import ApiError
from vertex_emulator.wire.names import GcsUri

RESOURCE_EXHAUSTED = 8


def test_beyond_a_number_that_wait_the_next_is_refused_and_room_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They wait for a model that takes long to load; it is loaded once for all."""
    loads = []

    async def run() -> int:
        predictor = Predictor(Store(tmp_path), tmp_path)
        released = asyncio.Event()

        async def load(weights: Any) -> str:
            loads.append(weights)
            await released.wait()
            return "a model"

        monkeypatch.setattr(predictor, "_load", load)
        waiting = [asyncio.create_task(predictor.predict(BaseWeights(), [])) for _ in range(MAX_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(ApiError) as refused:
            await predictor.predict(BaseWeights(), [])
        released.set()
        assert await asyncio.gather(*waiting) == [[]] * MAX_WAITING
        assert await predictor.predict(BaseWeights(), []) == []
        predictor.close()
        return refused.value.code

    assert asyncio.run(run()) == RESOURCE_EXHAUSTED
    assert loads == [BaseWeights()]


def test_more_models_than_fit_can_load_at_once_and_each_loads_once(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real weights under three names, and for each several requests while it loads."""
    loaded = []
    load = ServedModel.load

    def counted(place: Path) -> ServedModel:
        loaded.append(place)
        return load(place)

    monkeypatch.setattr(ServedModel, "load", counted)
    store = Store(tmp_path)
    models = []
    with store.database.transaction():
        for number in range(MAX_MODELS + 1):
            artifact = tmp_path / f"model-{number}"
            shutil.copytree(folder, artifact)
            (artifact / "note").write_text(str(number))  # no two have the same content
            place = GcsUri("bucket", artifact.name)
            for item in adopt_files(store, artifact, place, 0.0):
                store.objects.put(item)
            models.append(find_weights(store, str(place), "uri"))
    asked = PromptAsked("a", raw=True, sampling={"max_tokens": 1})

    async def run() -> list[list[Answered]]:
        predictor = Predictor(store, tmp_path)
        answers = await asyncio.gather(*(predictor.predict(model, [asked]) for model in models * 4))
        predictor.close()
        return answers

    answers = asyncio.run(run())

    assert len(answers) == 4 * (MAX_MODELS + 1)
    assert len(loaded) == MAX_MODELS + 1
    assert not list((tmp_path / "served").iterdir())
