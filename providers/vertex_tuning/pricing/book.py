"""The price book: a JSON file with a dated and sourced price per row."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated

import msgspec

from ..catalog import TuningMode
from ..decoding import REFUSED
from ..replacing import replace_file
from .money import Basis, Money

LIST_PRICE = "list price: "
"""Prefix of the package's sources."""
FROM_CATALOG = "Cloud Billing Catalog: "
"""Prefix of sources that a refresh replaces; rows by hand have others and stay."""
LIST_REGION = "us-central1"
"""The region of the package's prices, assumed for regions without a price."""

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
    """A row of the book.

    Attributes:
        price: in units of ``currency``, not negative.
        date: when it was read.
        source: where it was read: SKU ids of the Cloud Billing Catalog, or free text.
    """

    price: Decimal
    currency: Currency
    date: dt.date
    source: Named

    def __post_init__(self) -> None:
        if not self.price.is_finite() or self.price < 0:
            raise ValueError(f"a price is a number and not negative, not {self.price}")

    @property
    def listed(self) -> bool:
        """Whether it is Google's list price."""
        return self.source.startswith((LIST_PRICE, FROM_CATALOG))

    def money(self, times: Decimal | int = 1, *, assumed_for: str = "", region: str = "") -> Money:
        """The cost of so many units; ``assumed_for`` names an item that uses another region's price."""
        bases = (Basis(region if assumed_for else "", self.date),) if self.listed else ()
        return Money(self.price * times, assumed=(assumed_for,) if assumed_for else (), bases=bases)


class TrainingTokens(_Priced, frozen=True, kw_only=True, tag="training, 1M tokens"):
    """A million training tokens of a base model, in one mode or, without ``mode``, in all."""

    base_model: Named
    mode: TuningMode | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """The key that the price is looked up by."""
        return ("training", self.base_model, self.mode)


class NodeHour(_Priced, frozen=True, kw_only=True, tag="node, 1 hour"):
    """An hour of one machine with all its accelerators, serving predictions."""

    machine_type: Named
    region: Named
    spot: bool = False

    @property
    def key(self) -> tuple[object, ...]:
        """The key that the price is looked up by."""
        return ("node", self.machine_type, self.region, self.spot)


class StorageMonth(_Priced, frozen=True, kw_only=True, tag="storage, 1 GiB month"):
    """A GiB in Cloud Storage for a month, standard class."""

    region: Named

    @property
    def key(self) -> tuple[object, ...]:
        """The key that the price is looked up by."""
        return ("storage", self.region)


Row = TrainingTokens | NodeHour | StorageMonth


class Book(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Prices in one currency, each once."""

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

    def over(self, other: Book) -> Book:
        """These rows, and those of ``other`` where these have no price, in one currency."""
        if self.rows and self.currency != other.currency:
            return self
        keys = {row.key for row in self.rows}
        return Book((*self.rows, *(row for row in other.rows if row.key not in keys)))

    def training(self, base_model: str, mode: str) -> Decimal | None:
        """A million training tokens, or ``None`` if the book has none."""
        return _price(self.training_row(base_model, mode))

    def node(self, machine_type: str, region: str, *, spot: bool) -> Decimal | None:
        """An hour of a machine, or ``None`` if the book has none."""
        return _price(self._row("node", machine_type, region, spot))

    def storage(self, region: str) -> Decimal | None:
        """A GiB for a month, or ``None`` if the book has none."""
        return _price(self._row("storage", region))

    def training_row(self, base_model: str, mode: str) -> Row | None:
        """The price of a million training tokens: of this mode before that of every mode."""
        return self._row("training", base_model, mode) or self._row("training", base_model, None)

    def node_money(self, machine_type: str, region: str, *, spot: bool) -> Money:
        """An hour of a machine; spot machines have no list price, so none is assumed for them."""
        what = f"{'spot ' if spot else ''}{machine_type} in {region}"
        own = self._row("node", machine_type, region, spot)
        return _money(what, own, None if spot else self._row("node", machine_type, LIST_REGION, spot))

    def storage_money(self, region: str) -> Money:
        """A GiB for a month."""
        return _money(f"storage in {region}", self._row("storage", region), self._row("storage", LIST_REGION))

    def _row(self, *key: object) -> Row | None:
        return next((row for row in self.rows if row.key == key), None)

    def told(self) -> Iterator[tuple[str, str, str, str]]:
        """As text: item, price, date and source of each row."""
        for row in self.rows:
            what = " ".join(
                "spot" if part is True else str(part)
                for part in row.key[1:]
                if part is not False and part is not None
            )
            unit = type(row).__struct_config__.tag
            yield f"{unit}: {what}", f"{row.price.normalize():f} {row.currency}", str(row.date), row.source


def _price(row: Row | None) -> Decimal | None:
    return row.price if row is not None else None


def _money(what: str, own: Row | None, listed: Row | None) -> Money:
    """One unit at its price, at another region's list price, or at an unknown price."""
    if own is not None:
        return own.money()
    if listed is not None and listed.listed:
        return listed.money(assumed_for=what, region=LIST_REGION)
    return Money(unknown=(what,))


_BOOK = msgspec.json.Decoder(Book)


PRICES = "prices.json"
"""The default file name of a book."""
NO_PRICES = Book()
"""Every price unknown."""


@cache
def list_prices() -> Book:
    """Google's public list prices that come with the package, each with its date and source."""
    return _BOOK.decode(Path(__file__).with_name("list_prices.json").read_bytes())


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
    """The package's list prices, overridden by the named book or the one at ``root``.

    Raises:
        ValueError: as ``read_book``.
    """
    path = root / (named or PRICES)
    own = NO_PRICES if named is None and not path.exists() else read_book(path)
    return own.over(list_prices())


def write_book(book: Book, path: Path) -> None:
    """Write a book atomically."""
    text = msgspec.json.format(msgspec.json.encode(book), indent=2) + b"\n"
    replace_file(path, text, mode=0o644)
