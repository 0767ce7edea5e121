"""The command line of the embedded Vertex AI."""

import json
import os
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from typer.exceptions import TyperException

from vertex_emulator.api.served import TABLE
from vertex_emulator.app import make_app
from vertex_emulator.settings import MAX_CONNECTIONS, Settings, Speed, is_loopback
from vertex_emulator.store.lock import DataLocked, lock_data
from vertex_emulator.web import GuardedProtocol
from vertex_emulator.wire.proto import load_messages

_GRACE_S = 1
_LAST_PORT = 65535

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="An embedded Vertex AI for rehearsals.",
)


def main() -> None:
    """Entry point; command line errors are one line."""
    try:
        code = app(standalone_mode=False)
    except TyperException as error:
        code = error.exit_code
        if said := error.format_message():  # without a command the help has been printed
            typer.echo(f"error: {said}", err=True)
    sys.exit(code)


@app.command()
def routes() -> None:
    """List what is served: HTTP method, path, Google's name for it."""
    for route in TABLE.routes:
        typer.echo(f"{route.method:<6} {route.template:<88} {route.google}")


@app.command()
def serve(
    data: Annotated[Path, typer.Option(help="Folder for everything it keeps; made if it is not there.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 picks a free one.")] = 8470,
    dedicated_port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65535,
            help="Port of dedicated endpoints. Default: the one after --port, or a free one.",
        ),
    ] = None,
    dedicated_address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Answered as the DNS name of dedicated endpoints, where a proxy is in front of that port; "
            "Google's own clients want one with TLS.",
        ),
    ] = None,
    speed: Annotated[
        Speed, typer.Option(help="How long states last; training always really runs.")
    ] = Speed.FAST,
    cache: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the base model, which takes a while to make; servers may share it. "
            "Default: DATA/cache."
        ),
    ] = None,
    ready_file: Annotated[
        Path | None, typer.Option(help="Written with the address and the process id once it listens.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="Holds the bearer token that every request must carry.")
    ] = None,
) -> None:
    """Serve Vertex AI and Cloud Storage until a signal ends it."""
    data, cache = data.resolve(), (cache or data / "cache").resolve()
    token = _token(token_file)
    if not is_loopback(host) and token is None:
        raise typer.BadParameter(f"{host} can be reached from elsewhere: give a --token-file.")
    try:
        lock = lock_data(data)
    except DataLocked as error:
        raise typer.BadParameter(str(error)) from None
    except OSError as error:
        raise typer.BadParameter(f"{data} is no folder to write to: {error.strerror}.") from None
    load_messages()
    with lock, _listener(host, port) as listener, _dedicated(host, port, dedicated_port) as dedicated:
        config = uvicorn.Config(
            make_app(
                Settings(
                    data=data,
                    cache=cache,
                    speed=speed,
                    token=token,
                    dedicated=dedicated_address or _shown(host, dedicated),
                    dedicated_port=dedicated.getsockname()[1],
                )
            ),
            http=GuardedProtocol,
            ws="none",
            access_log=False,
            log_level="warning",
            server_header=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=_GRACE_S,
        )
        told = {"url": f"http://{_shown(host, listener)}", "dedicated": f"http://{_shown(host, dedicated)}"}
        _Announcing(config, told, ready_file).run(sockets=[listener, dedicated])


class _Announcing(uvicorn.Server):
    """Says where it listens once it does."""

    def __init__(self, config: uvicorn.Config, addresses: dict[str, str], ready_file: Path | None) -> None:
        super().__init__(config)
        self._addresses = addresses
        self._ready_file = ready_file

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then announce."""
        await super().startup(sockets)
        if not self.started:
            return
        if self._ready_file is not None:
            partial = self._ready_file.with_name(f"{self._ready_file.name}.{os.getpid()}")
            partial.write_text(json.dumps({**self._addresses, "pid": os.getpid()}))
            partial.replace(self._ready_file)
        url, dedicated = self._addresses["url"], self._addresses["dedicated"]
        typer.echo(f"The embedded Vertex AI listens on {url}, for dedicated endpoints on {dedicated}")


def _listener(host: str, port: int) -> socket.socket:
    """A listening socket.

    The protocol is named because asyncio switches Nagle's algorithm off only where it is; with it on, every
    answer would come 40 ms late.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(MAX_CONNECTIONS)
    except OSError as error:
        listener.close()
        raise typer.BadParameter(f"{host}:{port} cannot be listened on: {error.strerror}.") from None
    return listener


def _dedicated(host: str, port: int, chosen: int | None) -> socket.socket:
    """The listener of dedicated endpoints: on the chosen port, or the next one, or any that is free."""
    if chosen is not None:
        return _listener(host, chosen)
    try:
        return _listener(host, port + 1 if 0 < port < _LAST_PORT else 0)
    except typer.BadParameter:
        return _listener(host, 0)


def _shown(host: str, listener: socket.socket) -> str:
    """HOST:PORT of a listener, as it stands in an address."""
    return f"{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"


def _token(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        token = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise typer.BadParameter(f"{path} cannot be read as the token: {why}.") from None
    if not token:
        raise typer.BadParameter(f"{path} is empty.")
    return token


if __name__ == "__main__":
    main()
