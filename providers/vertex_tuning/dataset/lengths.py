"""How long examples are, in classes that each are twice as wide as the one before. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from vertex_tuning.dataset.model import CHARACTERS_PER_TOKEN

_CHARACTERS_EXPONENT: Final = CHARACTERS_PER_TOKEN.bit_length() - 1  # a power of two, as the classes are


def length_classes(characters: Iterable[int]) -> dict[int, int]:
    """How many examples, of so many characters each, fit in 2 ** n estimated tokens and not in half, by n."""
    classes: Counter[int] = Counter()
    for size, count in Counter(characters).items():
        classes[max((size - 1).bit_length() - _CHARACTERS_EXPONENT, 0)] += count
    return dict(classes)


def longer_than(tokens: int, lengths: Mapping[int, int]) -> int:
    """How many examples take more than so many tokens; at most, where that is no power of two."""
    return sum(count for exponent, count in lengths.items() if 1 << exponent > tokens)
