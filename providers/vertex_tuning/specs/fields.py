"""The types of single fields, and the base of all models."""

from __future__ import annotations

import enum
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from .. import catalog, names
from ..catalog import TuningMode
from .shape import Shape

_PROJECT = r"[a-z0-9][a-z0-9.:\-]*"
"""In the name of a resource: its project's id, or its number."""
_ID = r"[A-Za-z0-9_\-]+"
_GCS = re.compile(r"gs://[a-z0-9][a-z0-9._\-]{1,61}[a-z0-9](/[^\x00-\x1f*?\[\]#]{0,900})?")


class Spec(BaseModel):
    """Base of every model here: immutable, no unknown keys, no silent conversion of types."""

    # Built when first used: a preview uses few of them.
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, validate_default=True, defer_build=True
    )

    def given(self) -> dict[str, Any]:
        """What was written, without the defaults: makes an equal spec once more."""
        return {name: getattr(self, name) for name in self.model_fields_set}


def gcs_uri(uri: str) -> str:
    """The URI without slashes at its end; refuses what is no Cloud Storage URI."""
    if not _GCS.fullmatch(uri):
        raise ValueError(f"{uri!r} is not of the form gs://BUCKET/PATH")
    if any(part in (".", "..") for part in uri.split("/")):
        raise ValueError(f"{uri!r} has a '.' or '..' part")
    return uri.rstrip("/")


def unreserved(key: str) -> str:
    """Refuse a label that is ours: it would be overwritten, and differ from what is there at every `up`."""
    if key.startswith(names.LABEL_PREFIX):
        raise ValueError(
            f"labels that begin with {names.LABEL_PREFIX} are set by this program; choose another key"
        )
    return key


def whole(value: object) -> object:
    """Pulumi hands every number over as a float: 3.0 is 3 and 2.5 stays wrong."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


GcsUri = Annotated[str, AfterValidator(gcs_uri)]
Region = Annotated[str, AfterValidator(catalog.find_region)]
Place = Annotated[
    str, AfterValidator(lambda value: value if value == catalog.GLOBAL else catalog.find_region(value))
]
"""A region, or ``global``."""
TuningLocation = Annotated[str, AfterValidator(catalog.find_location)]
ModelId = Annotated[
    str,
    AfterValidator(catalog.short_id),
    Shape(
        r"^(publishers/)?[a-z0-9\-]+/(models/)?[A-Za-z0-9._\-]+@[A-Za-z0-9._\-]+$",
        "a base model's id, PUBLISHER/MODEL@VERSION",
    ),
]
"""In the form ``PUBLISHER/MODEL@VERSION``; whether the catalogue has it is the tuning's question."""
ProjectId = Annotated[
    str,
    Shape(
        r"^([a-z0-9][a-z0-9.\-]*:)?[a-z][a-z0-9\-]{4,28}[a-z0-9]$",
        "a project id: 6 to 30 lower-case letters, digits and hyphens, a letter first, no hyphen last",
    ),
]
ServiceName = Annotated[
    str,
    Shape(
        r"^[a-z]([a-z0-9\-]{0,38}[a-z0-9])?$",
        "at most 40 lower-case letters, digits and hyphens, a letter first, no hyphen last",
    ),
]
ServiceAccount = Annotated[
    str,
    Shape(
        r"^[a-z0-9\-]+@[a-z0-9.\-]+\.gserviceaccount\.com$",
        "a service account's address, NAME@PROJECT.iam.gserviceaccount.com",
    ),
]
KmsKey = Annotated[
    str,
    Shape(
        rf"^projects/{_PROJECT}/locations/{_ID}/keyRings/{_ID}/cryptoKeys/{_ID}$",
        "of the form projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY",
    ),
]
TuningJobName = Annotated[
    str,
    Shape(
        rf"^projects/{_PROJECT}/locations/{_ID}/tuningJobs/{_ID}$",
        "of the form projects/PROJECT/locations/REGION/tuningJobs/JOB",
    ),
]
EndpointName = Annotated[
    str,
    Shape(
        rf"^projects/{_PROJECT}/locations/{_ID}/endpoints/{_ID}$",
        "of the form projects/PROJECT/locations/REGION/endpoints/ENDPOINT",
    ),
]
Reservation = Annotated[
    str,
    Shape(
        rf"^projects/{_PROJECT}/zones/{_ID}/reservations/{_ID}$",
        "of the form projects/PROJECT/zones/ZONE/reservations/RESERVATION",
    ),
]
LabelKey = Annotated[
    str,
    Shape(
        r"^[a-z][a-z0-9_\-]{0,62}$",
        "a label's key: at most 63 lower-case letters, digits, hyphens and underscores, a letter first",
    ),
    AfterValidator(unreserved),
]
LabelValue = Annotated[
    str,
    Shape(
        r"^[a-z0-9_\-]{0,63}$",
        "a label's value: at most 63 lower-case letters, digits, hyphens and underscores",
    ),
]
Labels = Annotated[dict[LabelKey, LabelValue], Field(max_length=60)]
Count = Annotated[int, BeforeValidator(whole), Field(ge=1)]
CountOrZero = Annotated[int, BeforeValidator(whole), Field(ge=0)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=False)]
Text = Annotated[str, Field(min_length=1, max_length=128)]
Mode = Annotated[TuningMode, Field(strict=False)]


class Rollout(enum.StrEnum):
    """How a new model takes the old one's place."""

    SIDE_BY_SIDE = "side_by_side"
    RECREATE = "recreate"


class Retrain(enum.StrEnum):
    """Whether an edit may pay for another tuning."""

    ALLOW = "allow"
    DENY = "deny"


class Reuse(enum.StrEnum):
    """Where a tuning that was paid for already is looked for."""

    OUTPUT_URI = "output_uri"
    PROJECT = "project"


class Checkpoints(enum.StrEnum):
    """Which sets of weights of a tuning are kept once its model serves."""

    ALL = "all"
    FINAL = "final"


# YAML and Pulumi have neither enums nor tuples: these are read from text and lists.
RolloutChoice = Annotated[Rollout, Field(strict=False)]
RetrainChoice = Annotated[Retrain, Field(strict=False)]
CheckpointsChoice = Annotated[Checkpoints, Field(strict=False)]
ReuseChoice = Annotated[Reuse, Field(strict=False)]
Texts = Annotated[tuple[str, ...], Field(strict=False)]
ProjectIds = Annotated[tuple[ProjectId, ...], Field(strict=False)]
FormerNames = Annotated[
    tuple[ServiceName, ...],
    BeforeValidator(lambda value: [value] if isinstance(value, str) else value),
    Field(strict=False),
]
FormerStack = Annotated[
    str,
    Shape(
        r"^([A-Za-z0-9_.\-]{1,100}/)?[A-Za-z0-9_.\-]{1,100}$",
        "a stack's name, STACK, or PROJECT/STACK if the Pulumi project had another name too",
    ),
]


def is_gcs(source: str) -> bool:
    """Whether a dataset is named by a Cloud Storage URI rather than by a local path."""
    return source[:3].lower() == "gs:"


_ELSEWHERE = re.compile(r"hf:|[a-z][a-z0-9+.\-]+:/", re.IGNORECASE)
"""How a place begins that is neither a path nor in Cloud Storage; one letter would be a drive of Windows."""


def is_local(source: str) -> bool:
    """Whether a source is a path, and no address of whatever kind."""
    return not is_gcs(source) and not _ELSEWHERE.match(source)


def local_path(source: str) -> str:
    """The path itself; refuses what is an address."""
    if not is_local(source):
        raise ValueError(f"{source!r} is no local file; copy it into the repository and give its path")
    return source


def _data_source(source: str) -> str:
    if not source:
        raise ValueError("a dataset needs a path or a gs:// URI")
    if _ELSEWHERE.match(source) and not is_gcs(source):
        raise ValueError(
            f"{source!r} is neither a local file nor an object in Cloud Storage. Copy the data into the "
            "repository and name its path, or upload it and name gs://BUCKET/OBJECT"
        )
    if is_gcs(source):
        uri, _, generation = source.partition("#")
        gcs_uri(uri)
        if generation and not generation.isdigit():
            raise ValueError(f"{source!r}: what follows '#' is a generation, a whole number")
        if uri.count("/") < 3 or uri.endswith("/"):
            raise ValueError(f"{source!r} names a bucket or folder, not an object")
    return source


DataSource = Annotated[str, AfterValidator(_data_source)]
