"""What both renderings say with the same words."""

from __future__ import annotations

from .model import Data, Report, Service, Training, Verb


def headline(report: Report) -> str:
    """The whole in one line."""
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
    """Money of all services."""
    if report.errors:
        return []
    whole = "" if report.complete else ", without what stays as it is"
    return [
        ("Once", report.cost.once.brief(report.currency)),
        (f"A month{whole}", report.cost.monthly(report.currency)),
    ]


def paid_once(service: Service, currency: str) -> str:
    """What this change pays for a service."""
    pays = service.training in (Training.FIRST, Training.AGAIN)
    return service.cost.once.brief(currency) if pays else "-"


def a_month(service: Service, currency: str) -> str:
    """What a month costs, before and after."""
    cost = service.cost
    nothing = cost.before.low == cost.before.high == cost.after.low == cost.after.high and not (
        cost.after.high.known or cost.after.high.unknown
    )
    return "unchanged" if nothing else cost.monthly(currency)


def counted(data: Data) -> str:
    """How many examples before and after."""
    if data.examples_after is None:
        return "an unknown number of examples"
    after = many(data.examples_after, "example")
    return after if data.examples_before is None else f"{data.examples_before:,} → {after}"


def lines(data: Data) -> str:
    """Which lines come and go, or why that is not known."""
    if data.added is None or data.removed is None:
        return data.not_compared
    return f"{many(data.added, 'line')} added, {data.removed:,} removed"


def many(count: int, thing: str) -> str:
    """``1 line``, ``2 lines``."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
