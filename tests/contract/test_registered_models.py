"""A tuning job registers a model by itself: it goes with the service whose job it was, and no other does."""

from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.declared import planned, spec_of, write_examples
from tests.support.mini_engine import MiniEngine
from tests.support.plain import Plain
from vertex_tuning.vertex.connection import ENDPOINT


def test_it_goes_with_its_service(plain: Plain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENDPOINT, plain.url)
    others = plain.model("others")
    training = write_examples(tmp_path / "train.jsonl", 8)
    output = f"gs://{plain.bucket}/out"
    engine = MiniEngine()
    ran = engine.up(planned(spec_of(training, project=plain.project, output_uri=output, serve=False)))
    assert ran.ok, ran.failed
    job = plain.ok("GET", f"v1beta1/{engine.outputs('job')['job']}")
    registered = job["tunedModel"]["model"].partition("@")[0]
    assert plain.ok("GET", f"v1beta1/{registered}")

    assert engine.destroy().ok

    assert plain.refused("GET", f"v1beta1/{registered}")[0] == 404
    assert plain.ok("GET", f"v1beta1/{others}"), "another's model stays"
    folder = job["outputUri"].rpartition("/")[2]
    weights = f"out/{folder}/postprocess/node-0/checkpoints/final/config.json"
    assert plain.read(quote(weights, safe="")).is_success, "and so do the weights"
