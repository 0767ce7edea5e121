"""Counts of a part of a file, and how parts are merged. Pure."""

from collections import Counter
from typing import Final, Self

from msgspec import Struct, field
from msgspec.structs import replace

from vertex_tuning.dataset.model import DatasetFormat, Finding, FindingKind, Image

KEPT_OF_EACH_KIND: Final = 20
KEPT_IMAGES: Final = 50


class Tally(Struct):
    """The figures of some whole lines that follow one another. Lines are numbered from 1 within them.

    `format` is that of the first well-formed example. The longest example is in characters. `lengths`, which
    only a survey fills, counts the examples by the power of two that their tokens fit in; its exponent is the
    key.
    """

    format: DatasetFormat | None = None
    lines: int = 0
    examples: int = 0
    characters: int = 0
    completion_characters: int = 0
    longest_example: int = 0
    counts: dict[FindingKind, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    lengths: dict[int, int] = field(default_factory=dict)
    image_examples: int = 0
    images: list[Image] = field(default_factory=list)

    def note(self, line: int | None, kind: FindingKind, message: str) -> None:
        """Count a finding, and keep it if it is among the first of its kind."""
        seen = self.counts[kind] = self.counts.get(kind, 0) + 1
        if seen <= KEPT_OF_EACH_KIND:
            self.findings.append(Finding(line=line, kind=kind, message=message))

    def then(self, later: Self) -> Self:
        """Both parts as one; `later` are the lines right after these."""
        images = [replace(image, line=image.line + self.lines) for image in later.images]
        room = {kind: KEPT_OF_EACH_KIND - self.counts.get(kind, 0) for kind in later.counts}
        moved = []
        for finding in later.findings:
            if room[finding.kind] > 0:
                room[finding.kind] -= 1
                moved.append(
                    replace(finding, line=None if finding.line is None else finding.line + self.lines)
                )
        return type(self)(
            format=self.format or later.format,
            lines=self.lines + later.lines,
            examples=self.examples + later.examples,
            characters=self.characters + later.characters,
            completion_characters=self.completion_characters + later.completion_characters,
            longest_example=max(self.longest_example, later.longest_example),
            counts=dict(Counter(self.counts) + Counter(later.counts)),
            findings=self.findings + moved,
            lengths=dict(Counter(self.lengths) + Counter(later.lengths)),
            image_examples=self.image_examples + later.image_examples,
            images=[*self.images, *images][:KEPT_IMAGES],
        )
