"""What counts as left behind: case by case, from what an export holds and what is there."""

import datetime as dt
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from vertex_tuning.catalog import TuningMode
from vertex_tuning.cli.doctor import lines
from vertex_tuning.lifecycle.orphaned import Known, Orphan
from vertex_tuning.orphans import forgotten, known, orphans
from vertex_tuning.pricing import Book, Money, NodeHour, TrainingTokens
from vertex_tuning.vertex.claim import STARTING, Claim, HeldClaim, Waiter
from vertex_tuning.vertex.client import Deployed, Endpoint, Job, JobState

NOW = 1_800_000_000.0
PLACE = "projects/p/locations/r"
OWNED = {"vertex-tuning-owner": "acme-dev-tickets"}


def exported(kind: str, id_: str, **outputs: Any) -> dict[str, Any]:
    resource = {"type": f"pulumi-python:dynamic/vertex:{kind}", "id": id_, "outputs": outputs}
    return {"version": 3, "deployment": {"resources": [{"type": "pulumi:pulumi:Stack"}, resource]}}


def test_an_export_says_what_is_held_and_where() -> None:
    held = known(
        [
            exported("TuningJob", "f1", job="projects/77/locations/r/tuningJobs/1", project="p", region="r"),
            exported("Endpoint", f"{PLACE}/endpoints/vt-e", endpoint_id="vt-e", output_uri="gs://b/out"),
            exported("DeployedModel", f"{PLACE}/models/vt-m", model_id="vt-m"),
            exported("TunedModel", "gs://b/given"),
            {"version": 3, "deployment": {}},
        ]
    )
    assert held == Known(
        jobs=frozenset({"1"}),
        endpoints=frozenset({"vt-e"}),
        models=frozenset({"vt-m"}),
        claims=frozenset(
            {
                "TuningJob/f1",
                f"Endpoint/{PLACE}/endpoints/vt-e",
                f"DeployedModel/{PLACE}/models/vt-m",
                "TunedModel/b/given",
            }
        ),
        projects=frozenset({"p"}),
        regions=frozenset({"r"}),
        folders=frozenset({"gs://b/out"}),
    )


def endpoint(name: str, labels: dict[str, str], *models: str) -> Endpoint:
    deployed = tuple(
        Deployed(
            id=f"d-{model}",
            model=f"{PLACE}/models/{model}",
            machine_type="g2-standard-12",
            accelerator_type="NVIDIA_L4",
            accelerator_count=1,
            min_replicas=1,
            max_replicas=1,
            autoscaling_target=None,
            spot=False,
        )
        for model in models
    )
    return Endpoint(
        name=f"{PLACE}/endpoints/{name}", display_name="", labels=labels, deployed=deployed, traffic={}
    )


def doctor_lines(found: list[Orphan], book: Book) -> list[str]:
    return [line.plain for line in lines(found, book)]


def test_what_orphans_cost_is_told_by_the_book() -> None:
    dated: dict[str, Any] = {"currency": "USD", "date": dt.date(2026, 1, 31), "source": "made up"}
    book = Book((NodeHour(machine_type="g2-standard-12", region="r", price=Decimal("1.5"), **dated),))
    nobody = Known(frozenset(), frozenset(), frozenset())
    here = [endpoint("vt-e", OWNED, "vt-a", "vt-b")]
    found = orphans(nobody, [], here, [], book)
    assert [orphan.hourly for orphan in found] == [Money(Decimal("1.5")), Money(Decimal("1.5")), Money()]
    assert found[0].bills.startswith("costs 1.50 USD an hour")
    scaled = [
        msgspec.structs.replace(
            here[0], deployed=tuple(msgspec.structs.replace(d, max_replicas=3) for d in here[0].deployed)
        )
    ]
    spread = orphans(nobody, [], scaled, [], book)
    assert (spread[0].hourly, spread[0].hourly_most) == (Money(Decimal("1.5")), Money(Decimal("4.5")))
    said = doctor_lines(spread, book)
    assert said[-1] == "Together they cost 3.00 to 9.00 USD an hour."
    unpriced = orphans(nobody, [], here, [])
    assert unpriced[0].hourly == Money(unknown=("g2-standard-12 in r",))
    assert unpriced[0].bills.startswith("costs money by the hour (price unknown)")


def test_a_running_tuning_is_told_as_one_of_unknown_cost() -> None:
    running = msgspec.structs.replace(job(JobState.RUNNING, OWNED), mode=TuningMode.FULL)
    nobody = Known(frozenset(), frozenset(), frozenset())
    [found] = orphans(nobody, [running], [], [])
    assert found.bills == "is running: 1 epoch of m on unknown data; price unknown"
    dated: dict[str, Any] = {"currency": "USD", "date": dt.date(2026, 1, 31), "source": "made up"}
    book = Book((TrainingTokens(base_model="m", mode=TuningMode.FULL, price=Decimal(3), **dated),))
    [found] = orphans(nobody, [running], [], [], book)
    assert found.bills.endswith("; 3.00 USD for a million tokens")
    assert doctor_lines([found], book)[-1] == "The running tunings cost extra."


def job(state: JobState, labels: dict[str, str]) -> Job:
    return Job(
        name=f"{PLACE}/tuningJobs/1",
        state=state,
        base_model="m",
        output_uri="gs://b/out/1",
        mode=None,
        epochs=1,
        labels=labels,
        reason=None,
        created="",
        started="",
        ended="",
        checkpoint=None,
    )


HELD = Known(jobs=frozenset({"2"}), endpoints=frozenset({"vt-held"}), models=frozenset({"vt-held-m"}))
THERE = [
    ([], [], [], [], "nothing there"),
    ([], [endpoint("vt-held", OWNED, "vt-held-m")], [], [], "what a stack holds"),
    ([], [endpoint("theirs", {}, "theirs")], ["theirs"], [], "what others made"),
    (
        [],
        [endpoint("vt-lost", {}, "vt-lost-m")],
        ["vt-lost-m"],
        ["deployed model", "endpoint", "model"],
        "made by a killed run before it had labels; what bills comes first",
    ),
    ([], [endpoint("named-by-hand", OWNED)], [], ["endpoint"], "our label under another name"),
    ([], [endpoint("adopted", {}, "vt-m")], [], ["deployed model"], "ours on an endpoint that is not"),
    (
        [],
        [endpoint("vt-held", OWNED, "vt-old")],
        [],
        ["deployed model"],
        "an old model on a held endpoint",
    ),
    ([job(JobState.RUNNING, OWNED)], [], [], ["tuning job"], "a job that is being paid for"),
    ([job(JobState.SUCCEEDED, OWNED)], [], [], [], "a job that has ended bills no more"),
    ([job(JobState.RUNNING, {})], [], [], [], "a job of others"),
]


@pytest.mark.parametrize(
    ("jobs", "endpoints", "models", "kinds", "why"), THERE, ids=[case[4] for case in THERE]
)
def test_what_is_there(
    jobs: list[Job], endpoints: list[Endpoint], models: list[str], kinds: list[str], why: str
) -> None:
    found = orphans(HELD, jobs, endpoints, [f"{PLACE}/models/{model}" for model in models])
    assert [orphan.kind for orphan in found] == kinds, why


def claim(**said: Any) -> Claim:
    return Claim(
        **{"id": "c", "owner": "acme/dev/tickets", "token": "t", "bound_by": "t", "at": NOW - 3600, **said}
    )


CLAIMS = [
    ("TuningJob/held", claim(resource="a job"), "", "a resource stands for it"),
    ("TuningJob/lost", claim(owner="", token=""), "", "it was let go of: the weights may be taken up again"),
    ("TuningJob/lost", claim(resource="a job"), "claim of a job", "its stack is not given, or gone"),
    (
        "TuningJob/lost",
        claim(operation=STARTING),
        "a paid call was made at 2027-01-15 07:00 UTC",
        "a submission was cut off and never taken up",
    ),
    ("Endpoint/lost", claim(), "claim without a resource", "killed before the first call"),
    (
        "TuningJob/lost",
        claim(waiters=(Waiter("acme/prod/tickets", "u"),)),
        "acme/prod/tickets waits for it",
        "someone waits for it",
    ),
    (
        "TuningJob/held",
        claim(resource="a job", deadline=NOW - 1),
        "its deadline passed at 2027-01-15 07:59 UTC: `pulumi up` cancels what is not ready",
        "a loop was killed, and nobody came after it",
    ),
    ("TuningJob/held", claim(deadline=NOW + 1), "", "its deadline is still to come"),
]


@pytest.mark.parametrize(("key", "there", "about", "why"), CLAIMS, ids=[case[3] for case in CLAIMS])
def test_claims(key: str, there: Claim, about: str, why: str) -> None:
    held = Known(frozenset(), frozenset(), frozenset(), claims=frozenset({"TuningJob/held"}))
    uri = f"gs://b/out/.claims/{key}.json"
    found = forgotten(held, [(uri, HeldClaim(key=key, claim=there, generation=1, ours=False))], NOW)
    if not about:
        assert found == [], why
        return
    [orphan] = found
    assert (orphan.kind, orphan.name, orphan.owner) == ("claim", uri, "acme/dev/tickets")
    assert about in orphan.about, why
