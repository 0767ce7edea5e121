"""The engine's side of the plugin: Pulumi's provider protocol over gRPC."""

import os
import signal
import threading
from concurrent import futures
from importlib import metadata
from typing import Any

import grpc
import httpx
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from tests.support.gcp_plugin.resources import KINDS, Gone, Json, Kind, Refused, Rest, changed

_WORKERS = 16


def _plain(properties: struct_pb2.Struct) -> Json:
    found: Json = json_format.MessageToDict(properties)
    # Pulumi's own keys, such as ``__defaults``, are no properties.
    return {key: value for key, value in found.items() if not key.startswith("__") and value is not None}


def _struct(properties: Json) -> struct_pb2.Struct:
    return json_format.ParseDict(properties, struct_pb2.Struct())


class Plugin(provider_pb2_grpc.ResourceProviderServicer):
    """Answers the engine; what is not here is answered as not implemented, which the engine takes for no."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._rest: Rest | None = None

    @property
    def _google(self) -> Rest:
        assert self._rest is not None, "the engine configures a plugin before it uses it"
        return self._rest

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        # It speaks for the SDK that is installed: the engine would warn of any other version.
        return plugin_pb2.PluginInfo(version=metadata.version("pulumi-gcp"))

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._rest = Rest(_plain(request.args), httpx.Client(timeout=60))
        return provider_pb2.ConfigureResponse()

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._kind(request.urn, context)
        return provider_pb2.CheckResponse(inputs=_struct(_plain(request.news)))

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        kind = self._kind(request.urn, context)
        differing = changed(_plain(request.olds), _plain(request.news))
        response = provider_pb2.DiffResponse
        return response(
            changes=response.DIFF_SOME if differing else response.DIFF_NONE,
            diffs=differing,
            replaces=[key for key in differing if key in kind.replaces],
        )

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        kind, given = self._kind(request.urn, context), _plain(request.properties)
        try:
            id_ = kind.create(self._google, given)
            made = {**given, **kind.read(self._google, id_, given)}
        except Refused as refused:
            context.abort(grpc.StatusCode.UNKNOWN, str(refused))
        return provider_pb2.CreateResponse(id=id_, properties=_struct(made))

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        kind, known = self._kind(request.urn, context), _plain(request.properties)
        try:
            found = kind.read(self._google, request.id, known)
        except Gone:
            return provider_pb2.ReadResponse()
        inputs = _plain(request.inputs) or found
        there = {key: found[key] for key in inputs if key in found}
        return provider_pb2.ReadResponse(id=request.id, properties=_struct(found), inputs=_struct(there))

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        kind, given = self._kind(request.urn, context), _plain(request.news)
        try:
            kind.update(self._google, request.id, given)
            there = {**given, **kind.read(self._google, request.id, given)}
        except Refused as refused:
            context.abort(grpc.StatusCode.UNKNOWN, str(refused))
        return provider_pb2.UpdateResponse(properties=_struct(there))

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        kind = self._kind(request.urn, context)
        try:
            kind.delete(self._google, request.id, _plain(request.properties))
        except Gone:
            return empty_pb2.Empty()
        except Refused as refused:
            context.abort(grpc.StatusCode.UNKNOWN, str(refused))
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stop.set()
        return empty_pb2.Empty()

    def _kind(self, urn: str, context: Any) -> Kind:
        type_ = urn.split("::")[2].rsplit("$", 1)[-1]
        if type_ not in KINDS:
            context.abort(
                grpc.StatusCode.UNIMPLEMENTED, f"{type_} is not served by the stand-in for pulumi-gcp"
            )
        return KINDS[type_]


def main() -> None:
    """Serve on a free port, which the engine reads from the first line of the output, until it ends us."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server = grpc.server(futures.ThreadPoolExecutor(_WORKERS))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Plugin(stop), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    parent = os.getppid()
    while not stop.wait(1) and os.getppid() == parent:
        pass  # an engine that was killed tells nobody
    server.stop(None)
