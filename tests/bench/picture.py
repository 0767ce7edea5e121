"""Curves over two logarithmic axes as a small SVG that reads in light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 640, 400
LEFT, TOP, RIGHT, BOTTOM = 60, 40, 20, 50
STROKES = (("#1a73e8", ""), ("#1a73e8", "5 4"), ("#e8710a", ""), ("#e8710a", "5 4"))
STYLE = "text{font:13px sans-serif;fill:#555}@media(prefers-color-scheme:dark){text{fill:#bbb}}"


@dataclass(frozen=True)
class Curve:
    """A named line through points with positive coordinates."""

    name: str
    points: Sequence[tuple[float, float]]


def draw(title: str, axes: tuple[str, str], curves: Sequence[Curve]) -> str:
    """The picture; both axes have a line at each power of ten that is needed."""
    span_x = _decades([x for curve in curves for x, _ in curve.points])
    span_y = _decades([y for curve in curves for _, y in curve.points])

    def place(x: float, y: float) -> tuple[float, float]:
        share_x = (math.log10(x) - span_x[0]) / (span_x[1] - span_x[0])
        share_y = (math.log10(y) - span_y[0]) / (span_y[1] - span_y[0])
        return LEFT + share_x * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - share_y * (HEIGHT - TOP - BOTTOM)

    parts = [f'<text x="{LEFT}" y="24">{escape(title)}</text>']
    for power in range(span_x[0], span_x[1] + 1):
        x, y = place(10.0**power, 10.0 ** span_y[0])
        parts.append(f'<path d="M{x:.1f} {y:.1f}V{TOP}" stroke="#8884"/>')
        parts.append(f'<text x="{x:.1f}" y="{y + 18:.1f}" text-anchor="middle">{10**power:,}</text>')
    for power in range(span_y[0], span_y[1] + 1):
        x, y = place(10.0 ** span_x[0], 10.0**power)
        parts.append(f'<path d="M{x:.1f} {y:.1f}H{WIDTH - RIGHT}" stroke="#8884"/>')
        parts.append(f'<text x="{x - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{10**power:,}</text>')
    middle = (WIDTH + LEFT) / 2
    parts.append(f'<text x="{middle:.0f}" y="{HEIGHT - 8}" text-anchor="middle">{escape(axes[0])}</text>')
    parts.append(f'<text x="8" y="{TOP - 4}">{escape(axes[1])}</text>')
    for row, (curve, (colour, dash)) in enumerate(zip(curves, STROKES, strict=True)):
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in curve.points))
        pen = f'stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}" fill="none"'
        at = TOP + 14 + 18 * row
        parts.append(f'<polyline points="{line}" {pen}/>')
        parts.append(f'<path d="M{LEFT + 12} {at - 4}h28" {pen}/>')
        parts.append(f'<text x="{LEFT + 48}" y="{at}">{escape(curve.name)}</text>')
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}">\n<style>{STYLE}</style>\n{body}\n</svg>\n'
    )


def _decades(values: Sequence[float]) -> tuple[int, int]:
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)
