"""Family: which processes add up to one app, and the directory that they share.

Chosen without a setting: the topmost ancestor that runs the same program (the gunicorn master, the uvicorn
supervisor, the process that called ``fork``) names the directory, so that every worker finds it alone. It lies in
memory (``/dev/shm``) where there is such a thing, since stores into a file on a disk can wait for the disk.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from otel_llm.prefork import files, processes
from otel_llm.prefork.processes import Process

SHARED_MEMORY: Final = Path("/dev/shm")
ABANDONED: Final = 3600.0
"""Seconds after which a directory of another pid namespace (an earlier container's) goes if nobody in it lives."""


class Family(msgspec.Struct, frozen=True):
    """This process, and the one that it has in common with its siblings."""

    me: Process
    root: Process
    given: Path | None
    """Directory from the settings: whoever names it belongs together."""

    @property
    def alone(self) -> bool:
        """True while nothing speaks for siblings."""
        return self.given is None and self.root == self.me

    def directory(self) -> Path:
        """The directory, made if it is not there.

        :raises OSError: if it cannot be made, or is open to other users.
        """
        if self.given is not None:
            self.given.mkdir(parents=True, exist_ok=True, mode=0o700)
            return self.given
        base = home()
        files.private(base)
        path = base / str(self.root)
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            return path
        sweep(path)
        return path

    @property
    def spare(self) -> Path | None:
        """Where files go that the directory in memory has no room for. A directory that is given has none: its users
        may have no other in common."""
        disk = _below(Path(tempfile.gettempdir()))
        return None if self.given is not None or disk == home() else disk / str(self.root)

    @property
    def reused(self) -> bool:
        """True if the directory's name may have been another family's before."""
        return self.given is not None or not self.root.start

    def child(self) -> Family:
        """The same family, seen from a process that was just forked."""
        return Family(processes.process(os.getpid()), self.root, self.given)


def find(setting: str | None) -> Family:
    """The family of this process. ``setting`` is the directory from the settings."""
    given = Path(setting) if setting else None
    shared = os.environ.get("PROMETHEUS_MULTIPROC_DIR", "").strip()
    if given is None and shared:
        given = Path(shared) / "otel-llm"
    return Family(processes.process(os.getpid()), processes.root(), given)


def home() -> Path:
    """Where the directories of this user's families lie."""
    usable = SHARED_MEMORY.is_dir() and os.access(SHARED_MEMORY, os.W_OK | os.X_OK)
    return _below(SHARED_MEMORY if usable else Path(tempfile.gettempdir()))


def _below(base: Path) -> Path:
    return base / f"otel-llm-{os.geteuid()}"


def sweep(kept: Path) -> None:
    """Removes directories of families that are over: no member lives, nor the master that gave the name."""
    if kept.parent != home():
        return
    for base in {home(), _below(Path(tempfile.gettempdir()))}:
        with suppress(OSError):
            for path in list(base.iterdir()) if files.is_private(base) else ():
                if path.name != kept.name:
                    with suppress(OSError, ValueError):
                        _sweep(path)


def _sweep(path: Path) -> None:
    known = processes.alive(files.parse_process(path.name))
    if known or (known is None and time.time() - path.stat().st_mtime < ABANDONED):
        return
    members = {parsed[0] for entry in path.iterdir() if (parsed := files.parse(entry.name))}
    if not any(files.living(member, path) for member in members):
        shutil.rmtree(path, ignore_errors=True)
