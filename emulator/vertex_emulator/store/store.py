"""The whole store, opened once."""

import shutil
import time
import uuid
from functools import partial
from pathlib import Path

from vertex_emulator.store.blobs import Blobs
from vertex_emulator.store.database import DATABASE, Database
from vertex_emulator.store.objects import Objects
from vertex_emulator.store.operations import Operations
from vertex_emulator.store.projects import Projects
from vertex_emulator.store.resources import Resources
from vertex_emulator.store.uploads import Upload, Uploads


class Store:
    """Tables and files under one data folder."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.database = Database(data / DATABASE)
        self.projects = Projects(self.database)
        self.resources = Resources(self.database)
        self.operations = Operations(self.database)
        self.blobs = Blobs(data)
        self.objects = Objects(self.database, self.blobs)
        self.uploads = Uploads(self.database)
        with self.database.transaction():
            self.uploads.expire(time.time())
            live = self.uploads.live()
        shutil.rmtree(data / "served", ignore_errors=True)
        self.blobs.sweep(self.objects.everything(), live)

    def begin_upload(self, upload: Upload) -> None:
        """Record an upload, and delete abandoned ones."""
        with self.database.transaction():
            for file in self.uploads.expire(upload.created):
                self.database.after_commit(partial(self.blobs.discard, file))
            self.uploads.insert(upload)

    def job_folder(self, job_id: str) -> Path:
        """Where a tuning job's worker reads and writes. `job_id` is one of our own numbers."""
        return self.data / "jobs" / job_id

    def served_folder(self) -> Path:
        """A new folder in which weights lie while they are loaded."""
        folder = self.data / "served" / uuid.uuid4().hex
        folder.mkdir(parents=True)
        return folder

    def close(self) -> None:
        """Close the database."""
        self.database.close()
