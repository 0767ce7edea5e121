"""Projects: created when first named, with APIs and billing enabled."""

import hashlib
import re
from typing import Annotated

import msgspec

from vertex_emulator.store.database import Database
from vertex_emulator.wire.errors import invalid

VERTEX_API = "aiplatform.googleapis.com"
STORAGE_API = "storage.googleapis.com"
BILLING_API = "cloudbilling.googleapis.com"
QUOTAS_API = "cloudquotas.googleapis.com"
USAGE_API = "serviceusage.googleapis.com"

# Google's rule, loosened to let domain-scoped ids ("example.com:team") and short test names pass.
_ID = re.compile(r"[a-z0-9][a-z0-9.:-]{0,61}[a-z0-9]|[a-z0-9]")
_MAX_DIGITS = 18


Count = Annotated[int, msgspec.Meta(ge=0)]


class ProjectSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of a project."""

    billing_enabled: bool = True
    services: tuple[str, ...] = (BILLING_API, QUOTAS_API, USAGE_API, STORAGE_API, VERTEX_API)
    tuning_quota: Count = 1
    """Tuning jobs at once, over all regions."""
    l4_per_region: Count = 8
    """NVIDIA L4 accelerators that deployed models may hold in any one region."""
    requests_per_minute: Count = 0
    """Vertex AI requests a minute in each location; Google's default is 600, and 0 stands for no quota."""
    unlisted_models: tuple[str, ...] = ()
    """Base models beyond those of Google's page, which grows; each allows both modes."""
    not_at_global: tuple[str, ...] = ()
    """Base models that are tuned in regions only."""
    serving_quotas: dict[str, Count] = {}
    """Accelerators in any one region, by the quota's id; 16 of each kind where it says nothing else."""
    iam: dict[str, tuple[str, ...]] = {}
    """Role to those who have it in the project."""
    agents_need_roles: bool = False
    """A tuning job is refused unless the tuning agent may use the output bucket and read its metadata."""
    user_credentials: bool = False
    """Calls come with a user's own credentials: some APIs refuse those without a quota project."""
    quota_grant_limit: Count = 8
    """A quota request up to this is granted after a while; one beyond it gets this much."""
    own_ids: bool = False
    """Model Garden's one call chooses the ids of endpoint and model itself, whatever the request asks for."""
    label_filters: bool = True
    """Tuning jobs can be listed by their labels; only the standard filter is promised."""
    shared_seconds: Annotated[float, msgspec.Meta(gt=0)] = 60.0
    """The longest that a request to a shared endpoint may take."""
    published_metadata: bool = False
    """Operations have only metadata that Google's Python packages know, which they need to poll over REST."""


class Project(msgspec.Struct, frozen=True):
    """A project with the number that Google would answer with in resource names."""

    id: str
    number: int
    settings: ProjectSettings

    def location(self, location: str) -> str:
        """The name that resources in a location have as their parent."""
        return f"projects/{self.number}/locations/{location}"


class Projects:
    """The table of projects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, id_or_number: str) -> Project:
        """The project of that id or number; it is made if it does not exist.

        Raises:
            ApiError: INVALID_ARGUMENT when it cannot be a project's id.
        """
        found = self._find(id_or_number)
        if found is not None:
            return found
        if not _ID.fullmatch(id_or_number):
            raise invalid(f"Invalid project id '{id_or_number}'.")
        project = Project(id_or_number, _number_of(id_or_number), ProjectSettings())
        self._write(project)
        return project

    def put(self, id_or_number: str, settings: ProjectSettings) -> Project:
        """Replace a project's settings."""
        project = msgspec.structs.replace(self.get(id_or_number), settings=settings)
        self._write(project)
        return project

    def _find(self, id_or_number: str) -> Project | None:
        number = -1
        if id_or_number.isascii() and id_or_number.isdigit():
            if len(id_or_number) > _MAX_DIGITS:
                raise invalid(f"Invalid project number {id_or_number[:100]}.")
            number = int(id_or_number)
        row = self._database.execute(
            "SELECT id, number, settings FROM projects WHERE number = ? OR id = ?", number, id_or_number
        ).fetchone()
        if row is None:
            return None
        return Project(row[0], row[1], msgspec.json.decode(row[2], type=ProjectSettings))

    def _write(self, project: Project) -> None:
        self._database.execute(
            "INSERT INTO projects (number, id, settings) VALUES (?, ?, ?) "
            "ON CONFLICT (number) DO UPDATE SET settings = excluded.settings",
            project.number,
            project.id,
            msgspec.json.encode(project.settings),
        )


def _number_of(project_id: str) -> int:
    """A stable twelve-digit number; an id that is a number already is its own."""
    if project_id.isascii() and project_id.isdigit():
        return int(project_id)
    digest = int.from_bytes(hashlib.sha256(project_id.encode()).digest()[:8], "big")
    return 100_000_000_000 + digest % 900_000_000_000
