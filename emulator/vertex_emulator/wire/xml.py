"""The XML of Cloud Storage's XML API: few small documents, all of them flat."""

import re
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from starlette.responses import Response

from vertex_emulator.wire.errors import StorageError

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_CODES = {
    400: "InvalidArgument",
    401: "AuthenticationRequired",
    403: "AccessDenied",
    404: "NoSuchBucket",
    412: "PreconditionFailed",
    413: "EntityTooLarge",
    501: "NotImplemented",
    503: "ServiceUnavailable",
}


def document(name: str, values: dict[str, str], headers: dict[str, str] | None = None) -> Response:
    """An answer of one element with simple children."""
    inner = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in values.items())
    text = f'<?xml version="1.0" encoding="UTF-8"?><{name} xmlns="{_NAMESPACE}">{inner}</{name}>'
    return Response(text, headers=headers, media_type="application/xml")


def error(http: int, code: str | None, message: str) -> Response:
    """An error in the shape that clients of the XML API read."""
    name = code or _CODES.get(http, "InternalError" if http >= 500 else "InvalidArgument")
    parts = f"<Code>{name}</Code><Message>{escape(message)}</Message><Details>{escape(message)}</Details>"
    text = f'<?xml version="1.0" encoding="UTF-8"?><Error>{parts}</Error>'
    return Response(text, http, media_type="application/xml")


def parts_wanted(content: bytes) -> list[tuple[int, str]]:
    """(number, etag) of the parts that a CompleteMultipartUpload names. Raises StorageError 400."""
    if re.search(rb"<!(DOCTYPE|ENTITY)", content, re.IGNORECASE):
        raise malformed("document types are not taken")
    try:
        root = ET.fromstring(content)  # noqa: S314 - bounded, and without entities of its own
        parts = [{child.tag.rpartition("}")[2]: child.text or "" for child in part} for part in root]
        return [(int(part["PartNumber"]), part["ETag"].strip('"')) for part in parts]
    except (ET.ParseError, KeyError, ValueError):
        raise malformed("a part needs a PartNumber and an ETag") from None


def malformed(why: str) -> StorageError:
    """A body that is not the XML that was expected."""
    return StorageError(400, f"The XML you provided was not well-formed: {why}.", "MalformedXML")
