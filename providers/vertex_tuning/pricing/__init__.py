"""Prices: a book of dated prices, and estimates of planned resources.

Google's public list prices come with the package (``list_prices.json``), each with its date and source.
Rows by hand and those of ``vertex-tuning prices refresh`` win. A missing price is unknown, and every sum says
so.
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
    list_prices,
    read_book,
    write_book,
)
from .estimate import Estimate, stale
from .money import Basis, Money

__all__ = [
    "NO_PRICES",
    "PRICES",
    "Basis",
    "Book",
    "Estimate",
    "Money",
    "NodeHour",
    "Row",
    "StorageMonth",
    "TrainingTokens",
    "find_book",
    "list_prices",
    "read_book",
    "stale",
    "write_book",
]
