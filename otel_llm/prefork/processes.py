"""Processes: who a process is, whether it still lives, and which one its siblings have in common.

A pid alone is used again; with its start time it is not. Both are read from ``/proc``: on a system without it the
start time is 0 and a process is told alive by the lock on its file alone.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec

FORKED_WITHOUT_EXEC: Final = 0x40
"""``PF_FORKNOEXEC`` of Linux: a child of ``fork`` that still runs its parent's program."""
MULTIPROCESSING: Final = ("--multiprocessing-fork", "multiprocessing.forkserver", "multiprocessing.spawn")
"""What stands on the command line of a process that ``multiprocessing`` started."""
GENERATIONS: Final = 16
"""How far up the root is looked for."""


class Process(msgspec.Struct, frozen=True):
    """A process, for all time: pid, start in clock ticks since boot, and the pid namespace they hold in."""

    pid: int
    start: int
    namespace: int

    def __str__(self) -> str:
        return f"{self.pid}-{self.start}-{self.namespace}"


class Status(msgspec.Struct, frozen=True):
    """What ``/proc/PID/stat`` says."""

    state: str
    parent: int
    flags: int
    start: int


def status(pid: int) -> Status | None:
    """``None`` if there is no such process, or no ``/proc``."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    # The command's name stands in parentheses and may hold anything.
    fields = text.rpartition(")")[2].split()
    return Status(fields[0], int(fields[1]), int(fields[6]), int(fields[19])) if len(fields) > 19 else None


@lru_cache(maxsize=1)
def namespace() -> int:
    """This process's pid namespace; 0 where there is none to be seen."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return 0


def process(pid: int) -> Process:
    """The process that has this pid now."""
    found = status(pid)
    return Process(pid, found.start if found else 0, namespace())


def alive(found: Process) -> bool | None:
    """``None`` if it cannot be told from here: another pid namespace, or no ``/proc``."""
    if not namespace() or found.namespace != namespace() or not found.start:
        return None
    now = status(found.pid)
    return now is not None and now.start == found.start and now.state not in "ZX"


def root() -> Process:
    """The topmost ancestor that runs this program: the master of a prefork server, or this process itself.

    A process is its parent's worker if it was forked without exec or started by ``multiprocessing``.
    """
    pid = os.getpid()
    for _ in range(GENERATIONS):
        parent = _master(pid)
        if parent is None:
            break
        pid = parent
    return process(pid)


def _master(pid: int) -> int | None:
    """The parent, if this process is its worker."""
    if pid == os.getpid() and "--multiprocessing-fork" in sys.orig_argv:
        return os.getppid()
    found = status(pid)
    if found is None or not found.parent:
        return None
    if found.flags & FORKED_WITHOUT_EXEC and _same_program(pid, found.parent):
        return found.parent
    arguments = _arguments(pid)
    if any(mark in argument for argument in arguments for mark in MULTIPROCESSING):
        return found.parent
    return None


def _same_program(pid: int, parent: int) -> bool:
    """False for a daemon: the parent of an orphan is whoever took it in."""
    try:
        return Path(f"/proc/{pid}/exe").readlink() == Path(f"/proc/{parent}/exe").readlink()
    except OSError:  # a master that runs as another user: a daemon has left its session, a worker has not
        try:
            return os.getsid(pid) == os.getsid(parent)
        except OSError:
            return False


def _arguments(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []
