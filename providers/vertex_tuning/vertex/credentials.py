"""As whom Google is called: as the environment says, as a service account, or as nobody."""

from __future__ import annotations

import re
from typing import Any

from .errors import InvalidRequest, translated

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_ACCOUNT = re.compile(r"[a-z0-9-]+@[a-z0-9.-]+\.gserviceaccount\.com")


def accounts(written: str) -> tuple[str, ...]:
    """A chain of service accounts, the one to act as last, out of addresses with commas between them.

    Raises:
        InvalidRequest: one of them is no service account's address.
    """
    chain = tuple(part.strip() for part in written.split(","))
    for account in chain:
        if not _ACCOUNT.fullmatch(account):
            raise InvalidRequest(
                f"VERTEX_TUNING_IMPERSONATE: {account!r} is not a service account's address, such as "
                "deployer@PROJECT.iam.gserviceaccount.com"
            )
    return chain


def anonymous() -> Any:
    """Nobody: the embedded service asks for no name."""
    from google.auth.credentials import AnonymousCredentials

    from .quota_project import OnProject

    return OnProject(AnonymousCredentials())  # type: ignore[no-untyped-call]


def of_environment() -> Any:
    """A user's own credentials, if the environment has them and they name no quota project; else ``None``.

    ``None`` leaves it to Google's clients, which find the same and say what is wrong with them.
    """
    from google.auth import default
    from google.auth.exceptions import GoogleAuthError

    from .quota_project import OnProject, wants_project

    try:
        found, _ = default(scopes=[SCOPE])
    except GoogleAuthError:
        return None
    return OnProject(found) if wants_project(found) else None


def impersonating(chain: tuple[str, ...]) -> Any:
    """A service account's credentials, drawn with those of the environment when they are first needed.

    Raises:
        NotSignedIn: the environment has none to draw them with.
    """
    from google.auth import default
    from google.auth.impersonated_credentials import Credentials

    with translated():
        source, _ = default(scopes=[SCOPE])
    return Credentials(  # type: ignore[no-untyped-call]
        source_credentials=source,
        target_principal=chain[-1],
        delegates=list(chain[:-1]),
        target_scopes=[SCOPE],
    )
