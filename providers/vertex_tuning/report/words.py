"""Phrases of both renderings."""

from __future__ import annotations

from .model import UNSEEN, Data, Report, Service, Training, Verb

PARTIAL = "The preview failed, so this is incomplete."
"""The note above the results of a failed preview."""
NO_STEPS = "nothing happens now"
"""The steps of a service whose edits take effect later."""


def headline(report: Report) -> str:
    """The summary in one line."""
    if report.errors:
        return "the preview failed"
    if not report.services:
        return "no service changes"
    parts = [
        f"{many(count, 'service')} {verb.value}"
        for verb in Verb
        if (count := sum(service.verb is verb for service in report.services))
    ]
    paid = sum(service.training in (Training.FIRST, Training.AGAIN) for service in report.services)
    parts.append(f"{many(paid, 'tuning')} to pay" if paid else "nothing to train")
    return ", ".join(parts)


def totals(report: Report) -> list[tuple[str, str]]:
    """The costs of all services."""
    if report.errors:
        return []
    whole = "" if report.complete else ", without unchanged resources"
    prices = [("Prices", report.prices)] if report.prices else []
    return [
        ("Once", report.cost.once.brief(report.currency)),
        (f"A month{whole}", report.cost.monthly(report.currency)),
        *prices,
    ]


def paid_once(service: Service, currency: str) -> str:
    """A service's one-time cost."""
    pays = service.training in (Training.FIRST, Training.AGAIN)
    return service.cost.once.brief(currency) if pays else "nothing"


def a_month(service: Service, currency: str) -> str:
    """The monthly cost before and after."""
    cost = service.cost
    after = cost.after.high
    nothing = cost.before == cost.after and not after.known and {*after.unknown} <= {UNSEEN}
    return "unchanged" if nothing else cost.monthly(currency)


def facts(service: Service, currency: str) -> list[tuple[str, str]]:
    """A service's row, by column."""
    return [
        ("Trains", service.training.value),
        ("Downtime", service.downtime.value),
        ("Once", paid_once(service, currency)),
        ("A month", a_month(service, currency)),
    ]


def counted(data: Data) -> str:
    """The numbers of examples before and after."""
    if data.gone:
        had = "" if data.examples_before is None else f" ({many(data.examples_before, 'example')})"
        return f"removed{had}"
    if data.examples_after is None:
        return "an unknown number of examples"
    after = many(data.examples_after, "example")
    return after if data.examples_before is None else f"{data.examples_before:,} → {after}"


def lines(data: Data) -> str:
    """The numbers of added and removed lines, or why they are unknown."""
    if data.added is None or data.removed is None:
        return data.not_compared
    return f"{many(data.added, 'line')} added, {data.removed:,} removed"


def many(count: int, thing: str) -> str:
    """``1 line``, ``2 lines``."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
