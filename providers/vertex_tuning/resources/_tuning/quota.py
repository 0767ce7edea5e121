"""Whether the project may tune at all, and what became of its request for more."""

from __future__ import annotations

import msgspec

from ... import catalog, console
from ...vertex.client import Quota


class Verdict(msgspec.Struct, frozen=True):
    """What the quota means for a tuning; at most one of the first two is said.

    Attributes:
        missing: why no job can run, and how to mend it.
        awaited: no job can run yet, and Google has not answered.
        asked: a request that was not granted in full.
        unchecked: why nobody knows whether a job can run; it is submitted.
    """

    missing: str = ""
    awaited: str = ""
    asked: str = ""
    unchecked: str = ""


def verdict(quota: Quota, project: str, *, wait: bool) -> Verdict:
    """Judge a project's quota. A job is submitted on what is granted, never on what was asked for."""
    asked = _asked(quota)
    if quota.limit is None:
        unchecked = f"not checked: the tuning quota: {project} has none called {quota.name}"
        return Verdict(asked=asked, unchecked=unchecked)
    if quota.limit > 0:
        return Verdict(asked=asked)
    none = f"the quota '{catalog.TUNING_QUOTA}' is 0"
    if asked:
        none += f": {asked}"
    deciding = quota.request is not None and quota.request.deciding
    if deciding and wait:
        return Verdict(awaited=none, asked=asked)
    page = console.quotas(project)
    mend = f"run it again when Google has answered: {page}" if deciding else f"ask for more: {page}"
    return Verdict(missing=f"{none} ({mend})", asked=asked)


def _asked(quota: Quota) -> str:
    request = quota.request
    if request is None or request.granted >= request.asked:
        return ""
    answer = "being looked at" if request.deciding else "and that is Google's answer"
    return f"asked for {request.asked} tuning jobs at once, granted {request.granted}, {answer}"
