"""The comment on a pull request begins with what a reviewer asks, and fits."""

from pathlib import Path

import pytest

from tests.support.stack import REPOSITORY
from tools.ci.review import ROOM, reviewed
from vertex_tuning.report import COMMENT_LIMIT, Preview, read_preview

PREVIEWS = REPOSITORY / "tests" / "unit" / "report" / "previews"


def captured(name: str) -> Preview:
    return read_preview((PREVIEWS / f"{name}.json").read_bytes())


def test_the_report_comes_first_and_the_resources_are_folded(tmp_path: Path) -> None:
    text = reviewed(captured("epochs"), "### the resources\n", tmp_path)
    assert text.startswith("### `test`: 1 service changed, 1 tuning to pay")
    assert text.index("re-trains") < text.index("<details><summary>Resource by resource")
    assert "### the resources" in text


def test_without_a_change_the_resources_speak_alone(tmp_path: Path) -> None:
    assert reviewed(captured("nothing"), "nothing changes\n", tmp_path) == "nothing changes\n"


@pytest.mark.parametrize("size", [COMMENT_LIMIT // 2, COMMENT_LIMIT])
def test_what_does_not_fit_is_left_to_the_run(tmp_path: Path, size: int) -> None:
    text = reviewed(captured("epochs"), "x" * size, tmp_path)
    assert len(text) + ROOM <= COMMENT_LIMIT
    assert "1 tuning to pay" in text
