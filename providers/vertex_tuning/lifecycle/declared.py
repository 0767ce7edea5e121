"""What the six kinds look like in a user's program."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pulumi import ResourceOptions
from pulumi.dynamic import Resource

from .provider import Provider

LANGUAGE_HOST = "pulumi-language-python-exec"


class Declared(Resource):
    """A resource of one kind; a subclass's annotations name its outputs."""

    provider: ClassVar[type[Provider[Any]]]

    def __init_subclass__(cls, **named: str) -> None:
        super().__init_subclass__(**named)
        cls.provider.resource = cls
        cls.provider.found = tuple(cls.__annotations__)

    def __init__(self, name: str, props: Mapping[str, Any], opts: ResourceOptions | None = None) -> None:
        _end_without_a_traceback()
        outputs = dict.fromkeys(type(self).__annotations__)
        super().__init__(self.provider(), name, {**outputs, **props}, opts)


def _end_without_a_traceback() -> None:
    """When a resource fails the engine interrupts the program, whose traceback would bury the error.

    Only where Pulumi runs the program, and only if the program does not listen for interrupts itself.
    """
    # Pulumi runs the program as ``__main__`` and under its name: only the command line tells who runs it.
    runs = any(Path(argument).name == LANGUAGE_HOST for argument in sys.orig_argv)
    if not runs or threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
