"""What is granted counts, what was asked for is told."""

import pytest

from tests.support.fake import FakeVertex
from vertex_tuning.lifecycle import NotReady, Phase
from vertex_tuning.lifecycle.settle import settle
from vertex_tuning.resources._tuning.quota import Verdict, verdict
from vertex_tuning.resources.readiness.inputs import ReadinessInputs
from vertex_tuning.resources.readiness.kind import ReadinessExternal
from vertex_tuning.vertex.client import Quota, QuotaRequest

NAME = "the quota 'Global concurrent managed OSS model fine-tuning jobs per project' is 0"
PAGE = "https://console.cloud.google.com/iam-admin/quotas?project=p"


def asked(granted: int, *, deciding: bool) -> QuotaRequest:
    return QuotaRequest(id="q", asked=4, granted=granted, deciding=deciding)


def both(found: Verdict) -> tuple[Verdict, Verdict]:
    """The same whether one waits or not."""
    return found, found


LOOKED_AT = "asked for 4 tuning jobs at once, granted 0, being looked at"
REFUSED = "asked for 4 tuning jobs at once, granted 0, and that is Google's answer"
VERDICTS: dict[str, tuple[Quota, Verdict, Verdict]] = {
    "a project without such a quota is tried, and that is told": (
        Quota(limit=None, name="Q"),
        *both(Verdict(unchecked="not checked: the tuning quota: p has none called Q")),
    ),
    "some and nothing asked": (Quota(limit=1), Verdict(), Verdict()),
    "all that was asked for": (Quota(limit=4, request=asked(4, deciding=False)), Verdict(), Verdict()),
    "some of it, the rest is open: tuning goes on and the request is told": (
        Quota(limit=1, request=asked(1, deciding=True)),
        *both(Verdict(asked="asked for 4 tuning jobs at once, granted 1, being looked at")),
    ),
    "some of it, and no more to come": (
        Quota(limit=2, request=asked(2, deciding=False)),
        *both(Verdict(asked="asked for 4 tuning jobs at once, granted 2, and that is Google's answer")),
    ),
    "none and nothing asked": (Quota(limit=0), *both(Verdict(missing=f"{NAME} (ask for more: {PAGE})"))),
    "none, refused": (
        Quota(limit=0, request=asked(0, deciding=False)),
        *both(Verdict(missing=f"{NAME}: {REFUSED} (ask for more: {PAGE})", asked=REFUSED)),
    ),
    "none yet: who waits waits, who does not is told to come again": (
        Quota(limit=0, request=asked(0, deciding=True)),
        Verdict(awaited=f"{NAME}: {LOOKED_AT}", asked=LOOKED_AT),
        Verdict(
            missing=f"{NAME}: {LOOKED_AT} (run it again when Google has answered: {PAGE})", asked=LOOKED_AT
        ),
    ),
    "the limit was taken away though the request says otherwise: the limit counts": (
        Quota(limit=0, request=asked(4, deciding=False)),
        *both(Verdict(missing=f"{NAME} (ask for more: {PAGE})")),
    ),
}


@pytest.mark.parametrize("case", VERDICTS)
@pytest.mark.parametrize("wait", [True, False])
def test_a_verdict_goes_by_what_is_granted(case: str, wait: bool) -> None:  # noqa: FBT001
    quota, waiting, hurried = VERDICTS[case]
    assert verdict(quota, "p", wait=wait) == (waiting if wait else hurried)


def inputs(*, wait: bool) -> ReadinessInputs:
    return ReadinessInputs(
        project="test-project",
        region="us-central1",
        output_uri="gs://test-bucket/out",
        service="s",
        owner="o",
        tunes=True,
        work="w",
        wait=wait,
    )


def test_who_waits_goes_on_when_google_grants(fake: FakeVertex) -> None:
    fake.jobs.quota, fake.project.request = 0, asked(0, deciding=True)
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        if len(said) == 3:
            fake.jobs.quota, fake.project.request = 2, asked(2, deciding=False)

    wanted = inputs(wait=True)
    seen = settle(ReadinessExternal(), fake.context_for(wanted.output_uri), wanted, None, say, lambda: None)

    assert (seen.phase, len(said)) == (Phase.READY, 3)
    assert all(LOOKED_AT in line for line in said)
    assert seen.live["quota"].startswith("asked for 4 tuning jobs at once, granted 2")


def test_who_waits_stops_when_google_refuses(fake: FakeVertex) -> None:
    fake.jobs.quota, fake.project.request = 0, asked(0, deciding=True)

    def say(_: str) -> None:
        fake.project.request = asked(0, deciding=False)

    wanted = inputs(wait=True)
    with pytest.raises(NotReady, match="granted 0, and that is Google's answer"):
        settle(ReadinessExternal(), fake.context_for(wanted.output_uri), wanted, None, say, lambda: None)


def test_who_does_not_wait_is_told_at_once(fake: FakeVertex) -> None:
    fake.jobs.quota, fake.project.request = 0, asked(0, deciding=True)
    wanted = inputs(wait=False)
    context = fake.context_for(wanted.output_uri)
    with pytest.raises(NotReady, match="being looked at"):
        settle(ReadinessExternal(), context, wanted, None, lambda _: None, lambda: None)
