"""Which replicas of a deployed model run: one that may scale to zero has none after a time without traffic.

Nothing runs meanwhile: what the clock says is worked out when somebody asks.
"""

from typing import Any

import msgspec

Json = dict[str, Any]
IDLE_S = SCALED_UP_S = 3600.0
"""Seconds of the two periods where a deployment gives none; nobody has seen Google's."""


class Activity(msgspec.Struct, frozen=True):
    """Since when replicas run, or from when on they will, and when they were last asked."""

    up: float
    asked: float


class Replicas:
    """The activity of every deployed model. After a restart of the server all of them run."""

    def __init__(self, started: float) -> None:
        self._started = Activity(started, started)
        self._seen: dict[str, Activity] = {}

    def begin(self, deployed: Json, now: float) -> None:
        """A model was deployed, with its first replicas."""
        self._seen[deployed["id"]] = Activity(now, now)

    def available(self, deployed: Json, now: float) -> int:
        """How many run."""
        resources = deployed["dedicatedResources"]
        least: int = resources.get("minReplicaCount", 0)
        return least or (resources.get("initialReplicaCount", 1) if self._runs(deployed, now) else 0)

    def answers(self, deployed: Json, now: float, wake_s: float) -> bool:
        """Whether a replica answers a request; if none runs, the request starts one, which takes so long."""
        seen = self._of(deployed)
        if deployed["dedicatedResources"].get("minReplicaCount", 0) or self._runs(deployed, now):
            self._seen[deployed["id"]] = msgspec.structs.replace(seen, asked=now)
            return True
        if now >= seen.up:
            self._seen[deployed["id"]] = Activity(now + wake_s, now)
        return False

    def _of(self, deployed: Json) -> Activity:
        return self._seen.get(deployed["id"], self._started)

    def _runs(self, deployed: Json, now: float) -> bool:
        spec = deployed["dedicatedResources"].get("scaleToZeroSpec", {})
        seen = self._of(deployed)
        idle = _seconds(spec.get("idleScaledownPeriod"), IDLE_S)
        scaled_up = _seconds(spec.get("minScaleupPeriod"), SCALED_UP_S)
        return seen.up <= now < max(max(seen.up, seen.asked) + idle, seen.up + scaled_up)


def _seconds(duration: str | None, otherwise: float) -> float:
    return float(duration.removesuffix("s")) if duration else otherwise
