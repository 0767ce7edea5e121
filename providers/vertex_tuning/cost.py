"""Messages about costs before they occur, in Google's units.

Amounts come from the plan, prices from the price book, list prices with their date.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .catalog import ASSUMED_TOKENS, measured_tokens

NOBODY = "nobody"
"""The owner in messages about a tuning without a claim."""
_USES = re.compile(r"^uses \S+ of (\S+), pays nothing$")


def uses(job: str, owner: str) -> str:
    """A message about a tuning that has been paid."""
    return f"uses {job} of {owner or NOBODY}, pays nothing"


def used_of(line: str) -> str | None:
    """The owner in such a message, or ``None``."""
    found = _USES.match(line)
    return found[1] if found else None


def tuning(base_model: str, mode: str, epochs: int, tokens: int | None, price: str = "") -> str:
    """A message about a paid tuning; ``tokens`` is the estimate over all epochs, if the data are known."""
    amount = "an unknown number of tokens"
    if tokens is not None:
        guess = "" if measured_tokens(base_model, mode) else f" (assumed: {ASSUMED_TOKENS} a character)"
        amount = f"about {tokens:,} training tokens{guess}"
    plural = "s" if epochs != 1 else ""
    cost = (
        (price if price.startswith(("at least", "under")) else f"about {price}") if price else "price unknown"
    )
    return f"starts a paid tuning: {base_model}, {mode}, {epochs} epoch{plural}, {amount}, {cost}"


def serving(
    machine_type: str, accelerator_type: str, accelerator_count: int, low: int, high: int, price: str = ""
) -> str:
    """A message about a deployed model's machines; ``price`` is their total cost an hour."""
    nodes = f"{low}" if low == high else f"{low} to {high}"
    each = "" if low == high == 1 else "each "
    cost = f"costs {price}" if price else "costs money by the hour (price unknown)"
    return f"{cost} until destroyed: {nodes} × {machine_type}, {each}{accelerator_count} × {accelerator_type}"


def again(attempts: int, kinds: Iterable[str], price: str = "") -> str:
    """A message about retries of a failed tuning; ``attempts`` includes the first."""
    times = "once" if attempts == 2 else f"{attempts - 1} times"
    cost = f"about {price} each time" if price else "price unknown"
    return f"pay for the tuning again if it fails ({', '.join(kinds)}), {times} at most, {cost}"
