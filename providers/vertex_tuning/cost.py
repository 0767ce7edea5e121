"""What will be billed, in the units that Google bills, told before it happens.

The amounts are facts of the plan; the price is the price book's, with its date where it is a list price.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .catalog import ASSUMED_TOKENS, measured_tokens

NOBODY = "nobody"
"""The owner of a tuning whose claim is gone."""
_USES = re.compile(r"^uses \S+ of (\S+), pays nothing$")


def uses(job: str, owner: str) -> str:
    """One line about a tuning that is paid for already."""
    return f"uses {job} of {owner or NOBODY}, pays nothing"


def used_of(line: str) -> str | None:
    """The owner in such a line; ``None`` if it is another line."""
    found = _USES.match(line)
    return found[1] if found else None


def tuning(base_model: str, mode: str, epochs: int, tokens: int | None, price: str = "") -> str:
    """One line about a tuning job; ``tokens`` is the estimate over all epochs, if the data are known."""
    amount = "an unknown number of tokens"
    if tokens is not None:
        guess = "" if measured_tokens(base_model, mode) else f" (assumed: {ASSUMED_TOKENS} a character)"
        amount = f"about {tokens:,} training tokens{guess}"
    plural = "s" if epochs != 1 else ""
    told = (price if price.startswith("at least") else f"about {price}") if price else "price unknown"
    return f"pays for a tuning: {base_model}, {mode}, {epochs} epoch{plural}, {amount}; {told}"


def serving(
    machine_type: str, accelerator_type: str, accelerator_count: int, low: int, high: int, price: str = ""
) -> str:
    """One line about a deployed model's machines; ``price`` says what all of them cost an hour."""
    nodes = f"{low}" if low == high else f"{low} to {high}"
    told = price or "price unknown"
    return (
        f"bills {nodes} x {machine_type} with {accelerator_count} x {accelerator_type} "
        f"by the hour until it is destroyed; {told}"
    )


def again(attempts: int, kinds: Iterable[str], price: str = "") -> str:
    """One line about tunings that may follow a failed one; ``attempts`` counts the first one too."""
    times = "once" if attempts == 2 else f"{attempts - 1} times"
    told = f"about {price} each time" if price else "price unknown"
    return f"pay for the tuning again, {times} at most, if it fails ({', '.join(kinds)}); {told}"
