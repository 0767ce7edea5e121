"""The price book: one JSON file, a dated and sourced price in each row."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import msgspec

from ..catalog import TuningMode
from ..decoding import REFUSED
from ..replacing import replace_file

Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$")]
Named = Annotated[str, msgspec.Meta(min_length=1)]


class _Priced(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="what",
    omit_defaults=True,
):
    """What every row has.

    Attributes:
        price: in units of ``currency``, not negative.
        date: when it was looked up.
        source: where: SKU ids of the Cloud Billing Catalog, or whatever the person who wrote it says.
    """

    price: Decimal
    currency: Currency
    date: dt.date
    source: Named

    def __post_init__(self) -> None:
        if not self.price.is_finite() or self.price < 0:
            raise ValueError(f"a price is a number and not negative, not {self.price}")


class TrainingTokens(_Priced, frozen=True, kw_only=True, tag="training, 1M tokens"):
    """A million training tokens of a base model."""

    base_model: Named
    mode: TuningMode

    @property
    def key(self) -> tuple[object, ...]:
        """What it is the price of."""
        return ("training", self.base_model, self.mode)


class NodeHour(_Priced, frozen=True, kw_only=True, tag="node, 1 hour"):
    """An hour of one machine with all its accelerators, serving predictions."""

    machine_type: Named
    region: Named
    spot: bool = False

    @property
    def key(self) -> tuple[object, ...]:
        """What it is the price of."""
        return ("node", self.machine_type, self.region, self.spot)


class StorageMonth(_Priced, frozen=True, kw_only=True, tag="storage, 1 GiB month"):
    """A GiB in Cloud Storage for a month, standard class."""

    region: Named

    @property
    def key(self) -> tuple[object, ...]:
        """What it is the price of."""
        return ("storage", self.region)


Row = TrainingTokens | NodeHour | StorageMonth


class Book(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Prices in one currency, each told once."""

    rows: tuple[Row, ...] = ()

    def __post_init__(self) -> None:
        currencies = sorted({row.currency for row in self.rows})
        if len(currencies) > 1:
            raise ValueError(f"a book has one currency, not {' and '.join(currencies)}")
        keys = [row.key for row in self.rows]
        twice = sorted({" ".join(map(str, key)) for key in keys if keys.count(key) > 1})
        if twice:
            raise ValueError(f"priced twice: {', '.join(twice)}")

    @property
    def currency(self) -> str:
        """The rows' currency; USD while there are none."""
        return self.rows[0].currency if self.rows else "USD"

    def training(self, base_model: str, mode: str) -> Decimal | None:
        """A million training tokens, or ``None`` when the book does not say."""
        return self._price(("training", base_model, mode))

    def node(self, machine_type: str, region: str, *, spot: bool) -> Decimal | None:
        """An hour of a machine, or ``None`` when the book does not say."""
        return self._price(("node", machine_type, region, spot))

    def storage(self, region: str) -> Decimal | None:
        """A GiB for a month, or ``None`` when the book does not say."""
        return self._price(("storage", region))

    def _price(self, key: tuple[object, ...]) -> Decimal | None:
        return next((row.price for row in self.rows if row.key == key), None)

    def told(self) -> Iterator[tuple[str, str, str, str]]:
        """For people: what, price, date and source of each row."""
        for row in self.rows:
            what = " ".join(
                "spot" if part is True else str(part) for part in row.key[1:] if part is not False
            )
            unit = type(row).__struct_config__.tag
            yield f"{unit}: {what}", f"{row.price.normalize():f} {row.currency}", str(row.date), row.source


_BOOK = msgspec.json.Decoder(Book)


PRICES = "prices.json"
"""Where a book is looked for when none is named."""
NO_PRICES = Book()
"""Every price unknown."""


def read_book(path: Path) -> Book:
    """Read a book.

    Raises:
        ValueError: the file cannot be read, or a row is wrong; one line that names the place.
    """
    try:
        return _BOOK.decode(path.read_bytes())
    except FileNotFoundError as error:
        raise ValueError(
            f"{path}: {error.strerror}; `vertex-tuning prices refresh --file {path}` writes it"
        ) from error
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from error
    except REFUSED as error:
        raise ValueError(f"{path}: is no price book: {error}") from error


def find_book(named: Path | str | None, root: Path) -> Book:
    """The book that is named, relative to ``root``; or else the one that lies there, or none.

    Raises:
        ValueError: as ``read_book``.
    """
    path = root / (named or PRICES)
    return NO_PRICES if named is None and not path.exists() else read_book(path)


def write_book(book: Book, path: Path) -> None:
    """Write a book; whoever reads it meanwhile sees the old one or the new one, whole."""
    text = msgspec.json.format(msgspec.json.encode(book), indent=2) + b"\n"
    replace_file(path, text, mode=0o644)
