"""What the embedded Vertex AI holds of a project, whichever state knows of it."""

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.support.emulator import HTTP, RunningEmulator
from vertex_tuning.lifecycle.orphaned import Known, Orphan
from vertex_tuning.names import FINGERPRINT_LABEL
from vertex_tuning.orphans import known, look, look_at_claims
from vertex_tuning.vertex import Connection, connect
from vertex_tuning.vertex.claims import Claims
from vertex_tuning.vertex.client import Job, Vertex

Json = dict[str, Any]


@dataclass(frozen=True)
class Cloud:
    """What the embedded Vertex AI holds of one project; it bills whether or not a state knows of it."""

    emulator: RunningEmulator
    project: str
    region: str = "us-central1"

    def endpoints(self) -> dict[str, list[str]]:
        """Ids of the endpoints with the ids of what is deployed on each."""
        return {
            found["name"].rsplit("/", 1)[1]: [model["id"] for model in found.get("deployedModels", [])]
            for found in self._endpoints()
        }

    def serving(self) -> list[tuple[str, int]]:
        """Everything on machines: the id of the registered model, and its per cent of the traffic."""
        return [
            (model["model"].rsplit("/", 1)[1], found.get("trafficSplit", {}).get(model["id"], 0))
            for found in self._endpoints()
            for model in found.get("deployedModels", [])
        ]

    def clear(self) -> None:
        """End whatever bills, and free the names: what another test has left is nobody's."""
        for job in self.active():
            self._ended("POST", f"{job}:cancel")
        for endpoint in self._endpoints():
            for model in endpoint.get("deployedModels", []):
                self._ended("POST", f"{endpoint['name']}:undeployModel", {"deployedModelId": model["id"]})
            self._ended("DELETE", endpoint["name"])
        for model in self._vertex.serving.models(self.project, self.region):
            self._ended("DELETE", model)

    def _ended(self, method: str, path: str, body: Json | None = None) -> None:
        answer = HTTP.request(method, f"{self.emulator.url}/v1/{path}", json=body or {})
        answer.raise_for_status()
        while (operation := answer.json()) and not operation.get("done"):
            time.sleep(0.05)
            answer = HTTP.get(f"{self.emulator.url}/v1/{operation['name']}")
            answer.raise_for_status()

    def _endpoints(self) -> list[Json]:
        url = f"{self.emulator.url}/v1beta1/projects/{self.project}/locations/{self.region}/endpoints"
        answer = HTTP.get(url)
        answer.raise_for_status()
        found: list[Json] = answer.json().get("endpoints", [])
        return found

    def jobs(self) -> tuple[Job, ...]:
        """Every tuning job."""
        return self._vertex.jobs.labelled(self.project, self.region, {})

    def active(self) -> list[str]:
        """Jobs that still cost money."""
        return [job.name for job in self.jobs() if not job.state.ended]

    def left_behind(self) -> set[str]:
        """Ids of the endpoints that doctor finds when it is told of no stack."""
        found = self.orphans([])
        return {orphan.name.rsplit("/", 1)[1] for orphan in found if orphan.kind == "endpoint"}

    def orphans(self, held: list[Json]) -> list[Orphan]:
        """What doctor finds when it is told of these resources."""
        return look(self._vertex, self.project, self.region, _known(held))

    def claims(self, folder: str) -> list[str]:
        """The keys of all claims below an output folder."""
        return Claims(self._vertex.storage, folder).keys()

    def forgotten(self, folder: str, held: list[Json]) -> list[Orphan]:
        """The claims below an output folder that no resource stands for."""
        return look_at_claims(self._vertex, folder, _known(held))

    def submitted_twice(self) -> list[str]:
        """Fingerprints that more than one job was made for."""
        counted = Counter(job.labels[FINGERPRINT_LABEL] for job in self.jobs())
        return [fingerprint for fingerprint, jobs in counted.items() if jobs > 1]

    @property
    def _vertex(self) -> Vertex:
        return connect(Connection(endpoint=self.emulator.url))


def _known(held: list[Json]) -> Known:
    return known([{"deployment": {"resources": held}}])
