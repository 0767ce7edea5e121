"""Images in examples: where one may lie, and in which format."""

import base64
import binascii
import mimetypes
from typing import Final

FORMATS: Final = ("image/jpeg", "image/png", "image/webp")
_MAGIC: Final = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG\r\n\x1a\n", "image/webp": b"RIFF"}
_KNOWN: Final = "use JPEG, PNG or WEBP"


def in_bucket(address: str) -> bool:
    """Whether an image lies in Cloud Storage."""
    return address.startswith("gs://")


def image_problem(where: str, address: str, mime_type: str | None = None) -> str | None:
    """Why an image cannot be used, as far as its address says; None if nothing speaks against it."""
    if address.startswith("data:"):
        return _data_problem(where, address)
    bucket, _, name = address.removeprefix("gs://").partition("/")
    if not in_bucket(address) or not bucket or not name:
        return f"{where} is neither gs://BUCKET/OBJECT nor data:; upload the image and name its gs:// address"
    found = mime_type or mimetypes.guess_type(name)[0]
    if found is not None and found not in FORMATS:
        return f"{where} is of the type {found[:40]!r}; {_KNOWN}"
    return None


def _data_problem(where: str, address: str) -> str | None:
    head, comma, content = address.removeprefix("data:").partition(",")
    mime_type, _, encoding = head.partition(";")
    if not comma or encoding != "base64":
        return f"{where} is not of the form data:image/png;base64,...; write it so"
    if mime_type not in FORMATS:
        return f"{where} is of the type {mime_type[:40]!r}; {_KNOWN}"
    try:
        image = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        return f"{where} is not base64; encode the image anew"
    if not image.startswith(_MAGIC[mime_type]):
        return f"{where} does not begin as {mime_type} does; correct the type, or encode the image anew"
    return None
