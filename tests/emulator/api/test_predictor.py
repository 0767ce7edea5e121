"""How many predictions may wait, and what becomes of those that load at once."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from vertex_emulator.predictor import MAX_WAITING, BaseWeights, Predictor
from vertex_emulator.store.store import Store
from vertex_emulator.wire.errors import ApiError

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
