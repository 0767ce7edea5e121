"""Resource names and Cloud Storage URIs: parsing, checking, writing."""

import re
from typing import NamedTuple

from vertex_emulator.wire.errors import invalid

_GCS_URI = re.compile(r"gs://([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])(?:/(.*))?", re.DOTALL)
_ENDPOINT_ID = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?|[1-9][0-9]{0,8}")
_MODEL_ID = re.compile(r"[a-z_][a-z0-9_-]{0,62}")
_LABEL_KEY = re.compile(r"[^\W\d_A-Z][\w-]{0,62}")
_LABEL_VALUE = re.compile(r"[\w-]{0,63}")
_MAX_LABELS = 64
_MAX_DISPLAY_NAME = 128


def snake_case(name: str) -> str:
    """A field's name as messages have it, out of its name in JSON."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: "_" + found[1].lower(), name)


def camel_case(name: str) -> str:
    """A field's name in JSON, out of its name as messages have it."""
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


class GcsUri(NamedTuple):
    """A place in Cloud Storage; `path` is an object's name or a folder without its trailing slash."""

    bucket: str
    path: str

    def child(self, path: str) -> "GcsUri":
        """The place `path` below this one."""
        return GcsUri(self.bucket, f"{self.path}/{path}" if self.path else path)

    def __str__(self) -> str:
        return f"gs://{self.bucket}/{self.path}" if self.path else f"gs://{self.bucket}"


def gcs_uri(value: str, field: str) -> GcsUri:
    """Parse `gs://bucket/path`; `field` names the place in the request for the message."""
    match = _GCS_URI.fullmatch(value)
    if match is None:
        raise invalid(f"Invalid Cloud Storage URI in {field}: '{value}'. It must look like gs://bucket/path.")
    path = (match[2] or "").rstrip("/")
    if any(part in {"", ".", ".."} for part in path.split("/")) and path:
        raise invalid(f"Invalid Cloud Storage URI in {field}: '{value}' has an empty, '.' or '..' part.")
    return GcsUri(match[1], path)


def check_endpoint_id(value: str) -> None:
    """An endpoint's id as its documentation allows it."""
    if not _ENDPOINT_ID.fullmatch(value):
        raise invalid(
            f"Invalid endpoint id '{value}': it starts with a letter, has up to 63 characters out of "
            "[a-z0-9-] and ends with a letter or number, or it is a number of up to 9 digits without "
            "leading zeros."
        )


def check_model_id(value: str) -> None:
    """A model's id as its documentation allows it."""
    if not _MODEL_ID.fullmatch(value):
        raise invalid(
            f"Invalid model id '{value}': up to 63 characters out of [a-z0-9_-], "
            "of which the first is no number or hyphen."
        )


def check_display_name(value: str, field: str) -> None:
    """A display name of at most 128 characters."""
    if len(value) > _MAX_DISPLAY_NAME:
        raise invalid(f"{field} has {len(value)} characters, at most {_MAX_DISPLAY_NAME} are allowed.")


def check_labels(labels: dict[str, str]) -> None:
    """At most 64 labels of lower-case letters, numbers, underscores and dashes."""
    if len(labels) > _MAX_LABELS:
        raise invalid(f"{len(labels)} labels are given, at most {_MAX_LABELS} are allowed.")
    for key, value in labels.items():
        if not _LABEL_KEY.fullmatch(key) or key != key.lower():
            raise invalid(f"Invalid label key '{key}'.")
        if not _LABEL_VALUE.fullmatch(value) or value != value.lower():
            raise invalid(f"Invalid label value '{value}' of label '{key}'.")
