"""The serving container as a stack file writes it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from .fields import Count, CountOrZero, Spec, Texts, whole
from .proving import Duration, seconds

PortNumber = Annotated[int, BeforeValidator(whole), Field(ge=1, le=65535)]
LONGEST_START = 7200
"""Seconds that Vertex AI lets a deployment take at most."""


class HttpGet(Spec):
    """A probe that asks over HTTP.

    Attributes:
        path: what is asked for, such as ``/health``.
        port: the port; the container's own when left out.
    """

    path: str
    port: PortNumber | None = None


class Probe(Spec):
    """How Vertex AI probes the container: one of ``http_get``, ``tcp_port``, ``grpc_port`` and ``exec``.

    Attributes:
        period_seconds: seconds between two probes.
        timeout_seconds: when one counts as failed.
        failure_threshold: how many have to fail in a row.
        success_threshold: how many have to succeed in a row.
        initial_delay_seconds: seconds after the start before the first one.
        http_get: asks over HTTP.
        tcp_port: opens a connection to this port.
        grpc_port: asks gRPC's health service on this port.
        exec: a command in the container, which ends with 0 when all is well.
    """

    period_seconds: Count | None = None
    timeout_seconds: Count | None = None
    failure_threshold: Count | None = None
    success_threshold: Count | None = None
    initial_delay_seconds: CountOrZero | None = None
    http_get: HttpGet | None = None
    tcp_port: PortNumber | None = None
    grpc_port: PortNumber | None = None
    exec: Annotated[Texts, Field(min_length=1)] | None = None

    @field_validator("exec")
    @classmethod
    def _one_kind(cls, value: tuple[str, ...] | None, info: ValidationInfo) -> tuple[str, ...] | None:
        others = [info.data[key] for key in ("http_get", "tcp_port", "grpc_port") if key in info.data]
        if len(others) == 3 and sum(kind is not None for kind in (*others, value)) != 1:
            raise ValueError("a probe has one of http_get, tcp_port, grpc_port and exec")
        return value

    def wire(self) -> dict[str, Any]:
        """Google's Probe in JSON."""
        json: dict[str, Any] = {
            _camel(name): value
            for name, value in self.model_dump(exclude_none=True).items()
            if name not in ("http_get", "tcp_port", "grpc_port", "exec")
        }
        if self.http_get is not None:
            json["httpGet"] = self.http_get.model_dump(exclude_none=True)
        if self.tcp_port is not None:
            json["tcpSocket"] = {"port": self.tcp_port}
        if self.grpc_port is not None:
            json["grpc"] = {"port": self.grpc_port}
        if self.exec is not None:
            json["exec"] = {"command": list(self.exec)}
        return json


class Container(Spec):
    """The serving container, for weights that need another than Vertex AI recommends.

    Attributes:
        image_uri: the image, such as ``us-docker.pkg.dev/PROJECT/REPOSITORY/IMAGE:TAG``.
        predict_route: HTTP path of predictions; Vertex AI's default when left out.
        health_route: HTTP path of health checks; Vertex AI's default when left out.
        port: TCP port on which the container listens.
        args: arguments of the container's command. ``--model=$(AIP_STORAGE_URI)`` names the weights of each
            new model; a fixed ``gs://`` folder would serve the same weights for ever and is refused.
        env: environment variables of the container; no place for secrets.
        command: what runs instead of the image's entry point.
        grpc_port: port on which the container speaks gRPC.
        shared_memory_size_mb: size of ``/dev/shm`` in MB; vLLM on several accelerators needs some GB.
        deployment_timeout: how long a deployment may take until it serves, such as 90m; at most 2h.
        startup_probe: finds out when the container has started.
        health_probe: finds out whether it can take requests.
        liveness_probe: finds out whether it has to be started anew.
    """

    image_uri: Annotated[str, Field(min_length=3, max_length=512)]
    predict_route: str | None = None
    health_route: str | None = None
    port: PortNumber | None = None
    args: Texts = ()
    env: dict[str, str] = {}
    # Without a default value: what is left out stays out of the registered model's id.
    command: Texts | None = None
    grpc_port: PortNumber | None = None
    shared_memory_size_mb: Count | None = None
    deployment_timeout: Duration | None = None
    startup_probe: Probe | None = None
    health_probe: Probe | None = None
    liveness_probe: Probe | None = None

    @field_validator("deployment_timeout")
    @classmethod
    def _at_most_two_hours(cls, value: str | None) -> str | None:
        if value is not None and not 0 < seconds(value) <= LONGEST_START:
            raise ValueError(f"is from 1s to 2h, not {value}")
        return value

    def wire(self) -> dict[str, Any]:
        """Google's ModelContainerSpec in JSON."""
        json: dict[str, Any] = {
            "imageUri": self.image_uri,
            "predictRoute": self.predict_route,
            "healthRoute": self.health_route,
            "ports": [{"containerPort": self.port}] if self.port else None,
            "args": list(self.args) or None,
            "env": [{"name": name, "value": value} for name, value in sorted(self.env.items())] or None,
            "command": list(self.command or ()) or None,
            "grpcPorts": [{"containerPort": self.grpc_port}] if self.grpc_port else None,
            "sharedMemorySizeMb": str(self.shared_memory_size_mb) if self.shared_memory_size_mb else None,
            "deploymentTimeout": f"{seconds(self.deployment_timeout):.0f}s"
            if self.deployment_timeout
            else None,
        }
        for name in ("startup_probe", "health_probe", "liveness_probe"):
            probe: Probe | None = getattr(self, name)
            json[_camel(name)] = probe.wire() if probe is not None else None
        return {key: value for key, value in json.items() if value is not None}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)
