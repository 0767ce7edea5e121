"""The command ``vertex-tuning``: one file a command, put together in ``app``."""

from .app import app, main

__all__ = ["app", "main"]
