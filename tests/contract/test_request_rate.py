"""The plugin's bound on requests a minute holds below the embedded service's quota, over real HTTP."""

import time
from concurrent.futures import ThreadPoolExecutor

from tests.support.emulator import RunningEmulator
from tests.support.plain import Plain
from vertex_tuning.vertex import Connection
from vertex_tuning.vertex.connection import REQUESTS_PER_MINUTE
from vertex_tuning.vertex.rest import session_of

QUOTA = 60
"""A tenth of Google's, and the bound with it."""


def test_requests_over_http_are_refused_without_the_bound_and_pass_with_it(
    emulator: RunningEmulator, plain: Plain
) -> None:
    emulator.admin.project(plain.project, requests_per_minute=QUOTA)

    def refused(per_minute: float, requests: int) -> int:
        session = session_of(Connection(endpoint=emulator.url, requests_per_minute=per_minute))
        url = f"{emulator.url}/v1beta1/{plain.location}/endpoints"
        with ThreadPoolExecutor(16) as pool:
            answers = pool.map(lambda _: session.get(url).status_code, range(requests))
        return sum(status == 429 for status in answers)

    begun = time.monotonic()
    assert refused(REQUESTS_PER_MINUTE / 10, QUOTA) == 0
    assert time.monotonic() - begun > 5, "the last few wait for their turn"
    assert refused(0.0, 20) > 0, "the service does count"
