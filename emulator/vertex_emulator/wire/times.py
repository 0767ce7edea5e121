"""Times as protobuf's JSON form writes them."""

from datetime import UTC, datetime


def rfc3339(seconds: float) -> str:
    """Seconds since the epoch as RFC 3339 in UTC with microseconds."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def etag(now: float) -> str:
    """A tag that changes with every change; `now` is in seconds since the epoch."""
    return f"AMEw9y{int(now * 1_000_000):x}"
