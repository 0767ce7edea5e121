"""Google's clients, pointed at a local server: address and credentials, nothing else."""

from typing import Any

from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials


def anonymous() -> AnonymousCredentials:
    """Credentials that send nothing."""
    return AnonymousCredentials()  # type: ignore[no-untyped-call]


def rest(client: Any, url: str) -> Any:
    """A GAPIC client over REST."""
    return client(credentials=anonymous(), transport="rest", client_options=ClientOptions(api_endpoint=url))
