"""The command ``vertex-tuning``: one file a command, put together in ``app``."""

import signal


def main() -> None:
    """Entry point; without a command it prints the help."""
    # While modules load there is nothing to end in order: Ctrl-C just stops the process, without a traceback.
    interrupted = signal.signal(signal.SIGINT, signal.SIG_DFL)
    from .app import app

    signal.signal(signal.SIGINT, interrupted)
    app()
