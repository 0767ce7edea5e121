"""The storage on disk; nothing else accesses the disk.

Records are in one SQLite database (write-ahead log, so that a killed process loses nothing that was
answered); the bytes of objects are in files beside it. The store belongs to the event loop's thread: a
transaction is a plain function that runs to its end there, so two requests can never interleave.
"""
