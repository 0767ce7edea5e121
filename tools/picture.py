"""Write docs/concepts.svg: what stands in a stack, what it waits for, and where it lives.

python -m tools.picture

The picture is the table below; boxes stand in a grid, arrows go from box to box.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import NamedTuple

TARGET = Path(__file__).resolve().parent.parent / "docs" / "concepts.svg"


class Box(NamedTuple):
    """A box at a column and a row of the grid."""

    column: float
    row: float
    title: str
    text: str
    colour: str = "#e8f0fe"


class Arrow(NamedTuple):
    """From the edge of one box to the edge of another."""

    start: str
    end: str
    text: str = ""


FILE, RESOURCE, BILLS, OUTSIDE = "#f1f3f4", "#e8f0fe", "#fce8e6", "#e6f4ea"
BOXES = (
    Box(0, 0, "Shared values", "defaults · environment · team", FILE),
    Box(0, 1, "Stack file", "Pulumi.TEAM-ENV.yaml", FILE),
    Box(1, 1, "Plan", "ids, fingerprints, costs", FILE),
    Box(2, 0, "Readiness", "billing, APIs, bucket, quota", RESOURCE),
    Box(2, 1, "TuningDataset", "content-addressed", RESOURCE),
    Box(2, 2, "TuningJob", "one for each fingerprint; paid once", BILLS),
    Box(2, 3, "TunedModel", "the weights are there; lineage", RESOURCE),
    Box(3, 2, "Endpoint", "the name that callers keep", RESOURCE),
    Box(3, 3, "DeployedModel", "on machines; bills by the hour", BILLS),
    Box(3, 1, "Callers", "predict, by the endpoint's name", OUTSIDE),
)
ARROWS = (
    Arrow("Shared values", "Stack file", "under"),
    Arrow("Stack file", "Plan", "checked"),
    Arrow("Plan", "TuningDataset", "inputs"),
    Arrow("Readiness", "TuningDataset"),
    Arrow("TuningDataset", "TuningJob"),
    Arrow("TuningJob", "TunedModel"),
    Arrow("TunedModel", "DeployedModel"),
    Arrow("Endpoint", "DeployedModel", "traffic"),
    Arrow("Callers", "Endpoint"),
)
WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 230, 62, 70, 38, 20

FONT = 'font-family="system-ui, sans-serif" text-anchor="middle"'
TIP = 'markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 10 5 0 10z" fill="#5f6368"/>'


def corner(box: Box) -> tuple[float, float]:
    return MARGIN + box.column * (WIDTH + GAP_X), MARGIN + box.row * (HEIGHT + GAP_Y)


def picture() -> str:
    """The whole picture, as SVG."""
    columns, rows = (max(getattr(box, name) for box in BOXES) + 1 for name in ("column", "row"))
    width = 2 * MARGIN + columns * WIDTH + (columns - 1) * GAP_X
    height = 2 * MARGIN + rows * HEIGHT + (rows - 1) * GAP_Y
    by_title = {box.title: box for box in BOXES}
    size = f'viewBox="0 0 {width:g} {height:g}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" {FONT}>',
        "<title>From a stack file to a model that answers</title>",
        f'<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" {TIP}</marker></defs>',
        f'<rect width="{width:g}" height="{height:g}" fill="#fff"/>',
        *(_arrow(by_title[arrow.start], by_title[arrow.end], arrow.text) for arrow in ARROWS),
        *(_box(box) for box in BOXES),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _box(box: Box) -> str:
    x, y = corner(box)
    middle = x + WIDTH / 2
    shape = f'x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="8"'
    return (
        f'<rect {shape} fill="{box.colour}" stroke="#5f6368"/>'
        + _text(middle, y + 26, box.title, 'font-size="16" font-weight="600"')
        + _text(middle, y + 47, box.text, 'font-size="12.5" fill="#3c4043"')
    )


def _text(x: float, y: float, text: str, look: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" {look}>{escape(text)}</text>'


def _arrow(start: Box, end: Box, text: str) -> str:
    (x1, y1), (x2, y2) = corner(start), corner(end)
    if start.column == end.column:
        x1, y1, x2 = x1 + WIDTH / 2, y1 + HEIGHT, x2 + WIDTH / 2
        aside, below = 28, 4
    else:
        x1, y1, y2 = x1 + WIDTH, y1 + HEIGHT / 2, y2 + HEIGHT / 2
        aside, below = 0, -6
    line = f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="#5f6368" marker-end="url(#tip)"/>'
    look = 'font-size="12" fill="#5f6368"'
    return line + (_text((x1 + x2) / 2 + aside, (y1 + y2) / 2 + below, text, look) if text else "")


if __name__ == "__main__":
    TARGET.write_text(picture())
