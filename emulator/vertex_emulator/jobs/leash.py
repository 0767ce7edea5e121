"""Start the training worker so that it does not outlive the server.

A server that is killed cannot stop its workers. On Linux the kernel does it: this module asks for a signal at
the parent's death and then becomes the worker. Elsewhere a worker that lost its server runs to its end, in a
unused folder.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """`python -m vertex_emulator.jobs.leash SERVER_PID SPEC PROGRESS`."""
    server, spec, progress = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != int(server):  # it died before the request to the kernel
            sys.exit(1)
    os.execv(sys.executable, [sys.executable, "-m", "vertex_emulator.training.worker", spec, progress])  # noqa: S606


if __name__ == "__main__":
    main()
