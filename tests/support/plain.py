"""Plain HTTP to the embedded Vertex AI: what a test says is what goes over the wire."""

import hashlib
import json
import time
from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.emulator import HTTP

Json = dict[str, Any]
REGION = "us-central1"
BASE = "meta/llama3_1@llama-3.1-8b"
_PATIENCE_S = 120.0

# A model that loads nowhere, for tests that only deploy: the books ask for these two files.
FAKE_WEIGHTS = {"config.json": b"{}", "model.safetensors": b"none"}


@dataclass(frozen=True)
class Plain:
    """One project on one server."""

    url: str
    project: str

    @classmethod
    def of_test(cls, url: str, test: str) -> "Plain":
        """A project whose id is made of the test's name."""
        return cls(url, f"p-{hashlib.sha256(test.encode()).hexdigest()[:12]}")

    @property
    def bucket(self) -> str:
        """The project's bucket."""
        return f"b-{self.project}"

    @property
    def location(self) -> str:
        """The project's location in paths."""
        return f"projects/{self.project}/locations/{REGION}"

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """One request; `path` begins with the API version or a storage prefix."""
        return HTTP.request(method, f"{self.url}/{path}", json=body, **options)

    def ok(self, method: str, path: str, body: Any = None, **options: Any) -> Json:
        """One request that succeeds."""
        response = self.call(method, path, body, **options)
        assert response.is_success, f"{method} {path}: {response.status_code} {response.text}"
        answer: Json = response.json() if response.content else {}
        return answer

    def refused(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, str, str]:
        """(HTTP status, code's name, message) of a request that is refused."""
        response = self.call(method, path, body, **options)
        assert not response.is_success, f"{method} {path} succeeded: {response.text}"
        error: Json = response.json()["error"]
        return response.status_code, error.get("status", ""), error["message"]

    def vertex(self, method: str, path: str, body: Any = None, *, version: str = "v1beta1") -> Json:
        """A call below the project's location that succeeds, for example `POST`, `endpoints`."""
        return self.ok(method, f"{version}/{self.location}{path}", body)

    def done(self, operation: Json) -> Json:
        """Wait for an operation and give its response, or its error under `error`."""
        deadline = time.monotonic() + _PATIENCE_S
        while not operation.get("done"):
            assert time.monotonic() < deadline, operation
            time.sleep(0.02)
            operation = self.ok("GET", f"v1beta1/{operation['name']}")
        response: Json = operation.get("response", {"error": operation.get("error")})
        return response

    def read(self, name: str, **headers: str) -> httpx.Response:
        """An object's bytes, out of this project's bucket."""
        path = f"storage/v1/b/{self.bucket}/o/{name}"
        return self.call("GET", path, params={"alt": "media"}, headers=headers)

    def put(self, name: str, content: bytes, **query: Any) -> Json:
        """Upload an object to the project's bucket, which is made if need be."""
        if self.call("GET", f"storage/v1/b/{self.bucket}").status_code == 404:
            self.ok("POST", f"storage/v1/b?project={self.project}", {"name": self.bucket})
        return self.ok(
            "POST",
            f"upload/storage/v1/b/{self.bucket}/o",
            params={"uploadType": "media", "name": name, **query},
            content=content,
        )

    def weights(self, folder: str = "weights") -> str:
        """Put something that the books take for a model, and give its URI."""
        for name, content in FAKE_WEIGHTS.items():
            self.put(f"{folder}/{name}", content)
        return f"gs://{self.bucket}/{folder}"

    def endpoint(self, name: str = "e", **given: Any) -> str:
        """Make an endpoint, with these fields, and give its full name."""
        found: str = self.done(self.vertex("POST", "/endpoints", {"displayName": name, **given}))["name"]
        return found

    def model(self, name: str = "m") -> str:
        """Register a model and give its full name."""
        given = {"displayName": name, "artifactUri": self.weights(), "containerSpec": {"imageUri": "i"}}
        found: str = self.done(self.vertex("POST", "/models:upload", {"model": given}))["model"]
        return found

    def deploy(self, endpoint: str, model: str, split: Json | None = None) -> Json:
        """Deploy a model on one L4; gives the deployed model, or the error."""
        body: Json = {"deployedModel": {"model": model, "dedicatedResources": ONE_L4}}
        if split is not None:
            body["trafficSplit"] = split
        answer = self.done(self.ok("POST", f"v1beta1/{endpoint}:deployModel", body))
        found: Json = answer.get("deployedModel", answer)
        return found

    def rows(self, count: int = 8) -> str:
        """Put a small dataset and give its URI."""
        lines = [json.dumps({"prompt": f"What is {n}?", "completion": "A number."}) for n in range(count)]
        self.put("train.jsonl", "\n".join(lines).encode())
        return f"gs://{self.bucket}/train.jsonl"

    def job(self, **changes: Any) -> Json:
        """The body of a small tuning job; None takes a field away."""
        spec = {
            "trainingDatasetUri": f"gs://{self.bucket}/train.jsonl",
            "tuningMode": "TUNING_MODE_FULL",
            "hyperParameters": {"epochCount": "1"},
            **changes.pop("spec", {}),
        }
        body = {
            "baseModel": BASE,
            "outputUri": f"gs://{self.bucket}/out",
            "supervisedTuningSpec": {key: value for key, value in spec.items() if value is not None},
            **changes,
        }
        return {key: value for key, value in body.items() if value is not None}

    def tune(self, **changes: Any) -> Json:
        """Submit a small tuning job."""
        self.rows()
        return self.vertex("POST", "/tuningJobs", self.job(**changes))

    def ended(self, job: Json) -> Json:
        """Wait for a tuning job to end and give it."""
        return self.until(job, "SUCCEEDED", "PARTIALLY_SUCCEEDED", "FAILED", "CANCELLED")

    def until(self, job: Json, *states: str) -> Json:
        """Wait for a tuning job to be in one of the states (without their prefix) and give it."""
        deadline = time.monotonic() + _PATIENCE_S
        while job["state"].removeprefix("JOB_STATE_") not in states:
            assert time.monotonic() < deadline, job
            time.sleep(0.05)
            job = self.ok("GET", f"v1beta1/{job['name']}")
        return job


ONE_L4 = {
    "machineSpec": {"machineType": "g2-standard-12", "acceleratorType": "NVIDIA_L4", "acceleratorCount": 1},
    "minReplicaCount": 1,
    "maxReplicaCount": 1,
}
