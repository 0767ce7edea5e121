"""The quota of requests a minute, for each project and location."""

from collections import defaultdict, deque

from vertex_emulator.store.projects import VERTEX_API, Project
from vertex_emulator.wire.errors import ApiError

_MINUTE = 60.0
_METRIC = "Resource management (CRUD) requests"


class RequestRate:
    """Counts the requests of the last minute."""

    def __init__(self) -> None:
        self._times: defaultdict[tuple[int, str], deque[float]] = defaultdict(deque)

    def count(self, project: Project, location: str, now: float) -> None:
        """Count a request.

        Raises:
            ApiError: RESOURCE_EXHAUSTED, the quota of this minute is used up; refused requests do not count.
        """
        limit = project.settings.requests_per_minute
        if not limit:
            return
        times = self._times[project.number, location]
        while times and times[0] <= now - _MINUTE:
            times.popleft()
        if len(times) >= limit:
            raise ApiError(
                8,
                f"Quota exceeded for quota metric '{_METRIC}' and limit '{_METRIC} per minute per region' of "
                f"service '{VERTEX_API}' for consumer 'project_number:{project.number}'.",
                reason="RATE_LIMIT_EXCEEDED",
                metadata={"service": VERTEX_API, "quota_location": location, "quota_limit_value": str(limit)},
            )
        times.append(now)
