"""Files of a family of processes: made whole or not at all, locked while their process lives.

Where the directory has no room for one, it goes into a spare directory on the disk, and a link stands in its place: a
link needs no room of its own.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from mmap import mmap
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from otel_llm.prefork.processes import Process, alive
from otel_llm.signals.cells import MAGIC, Segment

T = TypeVar("T")
SUFFIX: Final = ".cells"
UNFINISHED: Final = ".new"
LOCK: Final = "lock"
NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
LOCK_STEP: Final = 0.005
"""Seconds between two tries to get a lock. Tries, not a blocking call: that would stop every greenlet under gevent."""


class Member(msgspec.Struct, frozen=True):
    """One process's share in a directory; the name of its files begins with it."""

    process: Process
    root: Process
    token: str

    @property
    def name(self) -> str:
        return f"{self.process}.{self.root}.{self.token}"

    def file(self, number: int) -> str:
        return f"{self.name}.{number}{SUFFIX}"


class Inherited(msgspec.Struct, frozen=True):
    """A segment of a process for which there was no room when it got siblings: memory that its children share."""

    member: Member
    number: int
    memory: mmap

    def void(self) -> None:
        """It stands in a file now."""
        self.memory[: len(MAGIC)] = bytes(len(MAGIC))


class Held(msgspec.Struct, frozen=True):
    """An open file whose descriptor holds a lock."""

    path: Path
    descriptor: int
    inode: int

    def close(self) -> None:
        """Gives up the lock. Leaves the descriptor alone if the app closed it (a daemon does) and it is another's."""
        with suppress(OSError):
            if os.fstat(self.descriptor).st_ino == self.inode:
                os.close(self.descriptor)


def held(path: Path, descriptor: int) -> Held:
    return Held(path, descriptor, os.fstat(descriptor).st_ino)


def member(process: Process, root: Process) -> Member:
    """A share of its own for every ``instrument()`` of a process."""
    return Member(process, root, secrets.token_hex(4))


def parse(name: str) -> tuple[Member, int] | None:
    """Member and number of a file's name; ``None`` for any other file."""
    parts = name.split(".")
    if len(parts) != 5 or not name.endswith(SUFFIX):
        return None
    try:
        process, root = parse_process(parts[0]), parse_process(parts[1])
        return Member(process, root, parts[2]), int(parts[3])
    except ValueError:
        return None


def parse_process(text: str) -> Process:
    """:raises ValueError: if the text is none."""
    pid, start, namespace = text.split("-")
    return Process(int(pid), int(start), int(namespace))


def private(base: Path) -> None:
    """Makes a directory of this user alone: the temporary directory is everyone's, and what lies there under our name
    may be somebody else's trap.

    :raises OSError: if it cannot be made, or is open to other users.
    """
    base.mkdir(mode=0o700, exist_ok=True)
    if not is_private(base):
        raise PermissionError(f"{base} is not a directory of this user alone")


def is_private(base: Path) -> bool:
    """:raises OSError: if it is not there."""
    found = base.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


def create(path: Path, content: bytes, spare: Path | None = None) -> Held:
    """A file with this content, locked by this process, under its name only when it is whole.

    Every byte is written, so that the room is really there: a store into a hole of a full disk kills the process.

    :raises OSError: if there is no room, in the spare directory neither, or no right to.
    """
    return held(path, _roomy(path, spare, path.name, lambda found: _create(found, content)))


def _roomy(path: Path, spare: Path | None, name: str, make: Callable[[Path], T]) -> T:
    """Makes a file at the path or, where there is no room, under this name in the spare directory. Then a link stands
    at the path, for nothing as long as the file is not whole."""
    try:
        return make(path)
    except OSError as error:
        if spare is None or error.errno not in NO_ROOM:
            raise
    private(spare.parent)
    private(spare)
    path.symlink_to(spare / name)
    try:
        return make(spare / name)
    except BaseException:
        path.unlink()
        raise


def _create(path: Path, content: bytes) -> int:
    """The descriptor of the file, which is locked."""
    made = path.with_name(f".{path.name}{UNFINISHED}")
    descriptor = os.open(made, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        _write(descriptor, content)
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        made.rename(path)
    except BaseException:
        os.close(descriptor)
        with suppress(OSError):
            made.unlink()
        raise
    return descriptor


def move(segment: Segment, path: Path, spare: Path | None = None) -> Held:
    """Moves a segment from memory into a file. The ledger's lock is held by the caller.

    :raises OSError: as :func:`create` does; the segment stays where it was.
    """
    made = create(path, bytes(segment.raw), spare)
    try:
        segment.mount(mmap(made.descriptor, len(segment.raw)))
    except BaseException:
        made.close()
        with suppress(OSError):
            remove(path, spare)
        raise
    return made


def replace(path: Path, segments: list[Segment], spare: Path | None = None) -> None:
    """Writes segments as one file, or leaves what was there.

    :raises OSError: if there is no room, in the spare directory neither, or no right to.
    """
    made = path.with_name(f".{path.name}{UNFINISHED}")
    made.unlink(missing_ok=True)
    before = _elsewhere(path, spare)
    _roomy(made, spare, f"{path.name}.{secrets.token_hex(4)}", lambda found: _write_all(found, segments))
    made.replace(path)
    if before is not None:
        before.unlink(missing_ok=True)


def _write_all(path: Path, segments: list[Segment]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        for segment in segments:
            _write(descriptor, bytes(segment.raw))
    except BaseException:
        with suppress(OSError):  # what was written takes room that a sibling needs
            path.unlink()
        raise
    finally:
        os.close(descriptor)


def remove(path: Path, spare: Path | None) -> None:
    """Removes a file, and what lies in the spare directory for it."""
    elsewhere = _elsewhere(path, spare)
    if elsewhere is not None:
        elsewhere.unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def _elsewhere(path: Path, spare: Path | None) -> Path | None:
    """Where a file of this name really lies, if that is in the spare directory: no other link is followed."""
    try:
        found = path.readlink() if spare is not None else None
    except OSError:  # no link
        return None
    return found if found is not None and found.parent == spare else None


def _write(descriptor: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def read(path: Path) -> bytes | None:
    """``None`` if it is gone, or not ours to read. By copy, not by mapping: a mapped file that somebody cuts kills who
    reads it.

    :raises OSError: if it cannot be read for now, for want of descriptors, say: a sum without it would be a lower one.
    """
    try:
        return path.read_bytes()
    except (FileNotFoundError, PermissionError):
        return None


def living(found: Member, path: Path) -> bool:
    """Whether a member's process lives: by pid and start time, else by the lock on its first file."""
    known = alive(found.process)
    return _locked(path / found.file(0)) if known is None else known


def _locked(path: Path) -> bool:
    """Never ask this of a file of this process: closing any descriptor of it gives up the process's lock."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def try_lock(path: Path) -> Held | None:
    """The lock on this file, held until it is closed; ``None`` if another process has it.

    :raises OSError: if the file cannot be made.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_ino == path.stat().st_ino:  # else it was removed meanwhile
            return held(path, descriptor)
    except OSError:
        pass
    os.close(descriptor)
    return None


@contextmanager
def locked(directory: Path, timeout: float) -> Generator[bool]:
    """The directory's lock among processes: yields whether it could be had within ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    lock = try_lock(directory / LOCK)
    while lock is None and time.monotonic() < deadline:
        time.sleep(LOCK_STEP)
        lock = try_lock(directory / LOCK)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            lock.close()
