"""The curves and the table of `make bench-scale`."""

from xml.etree import ElementTree as ET

import pytest

from tests.bench import scale
from tests.bench.picture import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Curve, draw
from tests.bench.scale import Pair

SVG = "{http://www.w3.org/2000/svg}"
FLOOR = HEIGHT - BOTTOM
WALL = WIDTH - RIGHT


def drawing(picture: str) -> ET.Element:
    return ET.fromstring(picture)  # noqa: S314 -- our own


def lines(picture: str) -> list[list[tuple[float, ...]]]:
    found = drawing(picture).iter(f"{SVG}polyline")
    return [
        [tuple(map(float, point.split(","))) for point in line.get("points", "").split()] for line in found
    ]


CASES = [
    ([(1, 1), (1000, 10)], [(LEFT, FLOOR), (WALL, TOP)], "from corner to corner"),
    (
        [(1, 1), (10, 1), (100, 10)],
        [(LEFT, FLOOR), ((LEFT + WALL) / 2, FLOOR), (WALL, TOP)],
        "decades are even",
    ),
    ([(1, 0.1), (10, 10)], [(LEFT, FLOOR), (WALL, TOP)], "below one"),
    ([(10, 1)], [(LEFT, FLOOR)], "a single size"),
]


@pytest.mark.parametrize(("points", "drawn", "why"), CASES, ids=[case[2] for case in CASES])
def test_points_stand_where_they_belong(
    points: list[tuple[float, float]], drawn: list[tuple[float, float]], why: str
) -> None:
    for line in lines(draw("t", ("x", "y"), [Curve("c", points)] * 4)):
        assert [x for x, _ in line] == pytest.approx([x for x, _ in drawn]), why
        assert [y for _, y in line] == pytest.approx([y for _, y in drawn]), why


def test_names_are_text_whatever_they_hold() -> None:
    picture = draw("a < b", ("x & y", "z"), [Curve("<script>", [(1, 1)])] * 4)
    said = [text.text for text in drawing(picture).iter(f"{SVG}text")]
    assert {"a < b", "x & y", "z", "<script>"} <= set(said)


ROWS = [  # the rounds' ratios have a median of their own
    scale.Row(1, Pair(2.0, 1.6, 1.25), Pair(3.0, 2.0, 1.5), state_bytes=10_240),
    scale.Row(1000, Pair(20.0, 16.0, 1.3), Pair(30.0, 40.0, 0.75), state_bytes=10_752),
]


def test_the_figures_of_a_run() -> None:
    assert [len(line) for line in lines(scale.picture(ROWS))] == [2, 2, 2, 2]
    assert scale.table(ROWS).splitlines()[2:] == [
        "| 1 | 2.0 s | 1.6 s | 1.25 | 3.0 s | 2.0 s | 1.50 | 10.0 KiB |",
        "| 1,000 | 20.0 s | 16.0 s | 1.30 | 30.0 s | 40.0 s | 0.75 | 10.5 KiB |",
    ]
