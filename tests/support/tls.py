"""TLS in front of the embedded service: Google's clients ask dedicated endpoints over https and nothing else."""

import asyncio
import contextlib
import datetime as dt
import ipaddress
import queue
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_HOST = "127.0.0.1"
_PIECE = 64 * 1024


@dataclass
class Terminator:
    """A listener that speaks TLS and passes everything on.

    Attributes:
        address: HOST:PORT where it listens.
        certificate: what clients have to trust, for `REQUESTS_CA_BUNDLE`.
        target: the port on this machine to which it passes on; set once that is known.
    """

    address: str
    certificate: Path
    target: int = 0


@contextlib.contextmanager
def terminator(folder: Path) -> Iterator[Terminator]:
    """A terminator on a free port, with a certificate of its own in the folder."""
    found = Terminator("", certificate(folder))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(found.certificate)
    stops: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()

    async def passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(_HOST, found.target)
        await asyncio.gather(_copy(reader, back), _copy(there, writer), return_exceptions=True)

    async def serve() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        async with await asyncio.start_server(passed_on, _HOST, 0, ssl=context) as server:
            found.address = f"{_HOST}:{server.sockets[0].getsockname()[1]}"
            stops.put(lambda: loop.call_soon_threadsafe(stop.set))
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    end = stops.get(timeout=10)
    try:
        yield found
    finally:
        end()
        thread.join(timeout=10)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
    finally:
        writer.close()


def certificate(folder: Path, hosts: Sequence[str] = ()) -> Path:
    """A key and a certificate for this machine's address and these names, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "embedded Vertex AI")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.IPAddress(ipaddress.ip_address(_HOST)), *(x509.DNSName(host) for host in hosts)]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "tls.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path
