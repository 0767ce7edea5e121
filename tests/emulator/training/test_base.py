from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from vertex_emulator.model.checkpoint import Checkpoint, write_checkpoint
from vertex_emulator.training import base as base_module
from vertex_emulator.training.base import Recipe, cached_base, make_base
from vertex_emulator.training.base_text import base_documents, own_documents

TINY = Recipe(steps=1, rows=1, length=64)


def test_jobs_that_need_the_base_model_at_once_make_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []

    def counted(folder: Path, checkpoint: Checkpoint) -> None:
        written.append(folder)
        write_checkpoint(folder, checkpoint)

    monkeypatch.setattr(base_module, "write_checkpoint", counted)
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(lambda _: cached_base(tmp_path, TINY), range(3)))
    assert len(written) == 1
    for other in made[1:]:
        assert all(np.array_equal(tensor, made[0].weights[name]) for name, tensor in other.weights.items())


def test_another_recipe_is_another_base_model(tmp_path: Path) -> None:
    cached_base(tmp_path, TINY)
    cached_base(tmp_path, Recipe(steps=1, rows=1, length=64, seed=1))
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 2


def test_a_python_without_its_help_texts_has_a_text_of_this_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    assert base_documents() == own_documents()
    made = make_base(base_documents(), TINY)
    assert 500 < made.config.vocab_size <= 1024
    assert made.weights["lm_head.weight"].shape == (made.config.vocab_size, made.config.hidden_size)


def test_the_base_model_has_learned_some_english(base: Checkpoint) -> None:
    """Its loss on text that it never saw is well below that of guessing among all tokens."""
    from vertex_emulator.serving.model import ServedModel

    ids = base.tokenizer.encode("\n".join(own_documents().values())).ids[:512]
    scores = ServedModel(base).logits(ids[:-1]).astype(np.float64)
    losses = np.log(np.exp(scores).sum(-1)) - scores[np.arange(len(ids) - 1), ids[1:]]
    assert losses.mean() < np.log(base.config.vocab_size) - 1.5
