"""How long states last is what the page on the embedded service says."""

import re
from pathlib import Path

import pytest

from vertex_emulator.settings import Speed

PAGE = Path(__file__).parents[3] / "docs/embedded.md"


def seconds(text: str) -> float:
    return 0.0 if text == "at once" else float(text.removesuffix(" s"))


@pytest.mark.parametrize("speed", Speed)
def test_the_page_says_how_long_states_last(speed: Speed) -> None:
    (row,) = re.findall(rf"^\| `{speed}` \|(.*)\|$", PAGE.read_text(), re.MULTILINE)

    assert [seconds(cell.strip()) for cell in row.split("|")] == [
        speed.pending_s, speed.operation_s, speed.deploy_s, speed.quota_s,
    ]  # fmt: skip
