"""What things cost: a book of dated prices, and estimates over what is planned.

No price is part of this package. A book comes from ``vertex-tuning prices refresh`` or from hand; what it
does not say is unknown, and every sum with an unknown part says so.
"""

from .book import (
    NO_PRICES,
    PRICES,
    Book,
    NodeHour,
    Row,
    StorageMonth,
    TrainingTokens,
    find_book,
    read_book,
    write_book,
)
from .estimate import Estimate, Money, estimate, with_retries

__all__ = [
    "NO_PRICES",
    "PRICES",
    "Book",
    "Estimate",
    "Money",
    "NodeHour",
    "Row",
    "StorageMonth",
    "TrainingTokens",
    "estimate",
    "find_book",
    "read_book",
    "with_retries",
    "write_book",
]
