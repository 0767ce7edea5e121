"""A fake Google in place of the real one, and stacks on the engine in miniature."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.declared import BUCKET, planned, spec_of, write_examples
from tests.support.fake import FakeVertex, plugged
from vertex_tuning.plan import ServicePlan


@pytest.fixture
def fake() -> FakeVertex:
    return FakeVertex(BUCKET)


@pytest.fixture
def said(fake: FakeVertex) -> Iterator[list[str]]:
    """What providers say to the user."""
    with plugged(fake) as lines:
        yield lines


@pytest.fixture
def declare(tmp_path: Path, said: list[str]) -> Callable[..., ServicePlan]:
    """A service's plan: `declare(epochs=2)` edits the tuning, `declare(service={...})` the rest."""
    training = write_examples(tmp_path / "train.jsonl")

    def declared(stack: str = "dev", service: dict[str, Any] | None = None, **tuning: Any) -> ServicePlan:
        return planned(spec_of(training, tuning=tuning, **(service or {})), stack)

    return declared


@pytest.fixture
def prompts(tmp_path: Path) -> str:
    path = tmp_path / "prompts.jsonl"
    path.write_text(
        "".join(json.dumps({"prompt": f"p{n}", "expected": f"right p{n}"}) + "\n" for n in range(8))
    )
    return str(path)
