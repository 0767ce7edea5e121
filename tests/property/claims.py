"""Claims as an attacker may write them: each field with right, wrong and borrowed values; and no claims at all."""

from typing import Any

import msgspec
from hypothesis import strategies as st

from tests.support.declared import BUCKET, OUTPUT, PROJECT, REGION

PLACE = f"projects/{PROJECT}/locations/{REGION}"
HOSTS = (
    "evil.example:8443#",
    "127.0.0.1:9/",
    "me@evil.example",
    "us-central1.evil-1",
    "global",
    "us-east5",
    "",
)
PLACES = st.sampled_from([PLACE, *(f"projects/{PROJECT}/locations/{host}" for host in HOSTS), "projects/1"])
TEXTS = st.one_of(
    st.sampled_from(["", "starting", "\n::error::boo", "\x1b[31mred", "../../x", "a" * 600, "x\x00y"]),
    st.text(max_size=20),
)


def names(others: list[str]) -> st.SearchStrategy[str]:
    """Names of what is others', of what is nowhere, and of hosts."""
    kinds = st.sampled_from(["tuningJobs", "endpoints", "models", "operations", "keys"])
    made = st.builds(
        lambda place, kind, id_: f"{place}/{kind}/{id_}", PLACES, kinds, st.sampled_from(["1", "m@1"])
    )
    return st.one_of(st.sampled_from(others), made, TEXTS)


def fields(others: list[str], owners: list[str], tokens: list[str]) -> dict[str, st.SearchStrategy[Any]]:
    """A strategy for each field of a claim."""
    name, owner = names(others), st.one_of(st.sampled_from(owners), TEXTS)
    token = st.one_of(st.sampled_from(tokens), TEXTS)
    uri = st.sampled_from(
        ["", OUTPUT, f"gs://{BUCKET}/theirs", "gs://other/x", "https://evil.example", "gs://a/*"]
    )
    moment = st.sampled_from([0.0, 1.0, 1_700_000_000.0, 1e10, -1, 1e300, "soon", True])
    return {
        "id": token,
        "owner": owner,
        "token": token,
        "bound_by": token,
        "recorded": token,
        "at": moment,
        "deadline": moment,
        "ending": moment,
        "resource": name,
        "operation": name,
        "asked": name,
        "repeated": name,
        "model": st.sampled_from(sorted({each.rsplit("/", 1)[-1] for each in others} | {"x", "a b"})),
        "place": PLACES,
        "reads": uri,
        "weights": uri,
        "refused": TEXTS,
        "failed": st.lists(name, max_size=2),
        "folders": st.lists(uri, max_size=3),
        "pinned": st.dictionaries(uri, uri, max_size=2),
        "heirs": st.lists(st.fixed_dictionaries({"owner": owner, "token": token}), max_size=2),
        "verdict": st.sampled_from(
            [None, {"score": 2, "n": 1, "threshold": 1}, {"score": 0.5, "n": 1, "threshold": 1}]
        ),
        "rejected": st.sampled_from([None, {}, {"model": "m", "score": 0, "n": 1, "threshold": 1}]),
    }


GARBAGE = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"[" * 50_000, b"null", b"{}", b'{"id":"' + b"x" * 300_000 + b'"}', b'\xff"']),
)


@st.composite
def edits(draw: st.DrawFn, strategies: dict[str, st.SearchStrategy[Any]]) -> dict[str, Any]:
    """Some fields with other values; mostly few, because whoever breaks one field gets nothing else read."""
    chosen = draw(st.lists(st.sampled_from(sorted(strategies)), min_size=1, max_size=3, unique=True))
    return {name: draw(strategies[name]) for name in chosen}


def edited(content: bytes, changes: dict[str, Any]) -> bytes:
    """A claim with these changes; what is no claim becomes one as far as the changes make it."""
    try:
        before = msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        before = {"id": "forged", "owner": "", "token": "t", "at": 1.0}
    return msgspec.json.encode({**before, **changes})
