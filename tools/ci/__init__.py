"""What the workflows below ``.github`` do, as commands: ``python -m tools.ci COMMAND``.

Nothing here knows a runner: the engine is the one on PATH, GitHub the one that the environment names.
"""
