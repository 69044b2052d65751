"""Membership: this process's share in its family's directory, and the thread that looks after it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from mmap import mmap
from typing import Final

from otel_llm.guard import guarded, logger, site
from otel_llm.prefork import files
from otel_llm.prefork.directory import Directory
from otel_llm.prefork.family import Family
from otel_llm.prefork.files import Held, Inherited, Member
from otel_llm.prefork.totals import Names, Totals
from otel_llm.signals.cells import Segment, in_memory
from otel_llm.signals.ledger import Ledger, Rows

TICK: Final = 1.0
"""Seconds between two rounds of the thread: how old a sibling's gauges can be."""
TIDY_EVERY: Final = 10
"""Rounds between two looks for dead members, and between two tries after a full disk."""
TOUCH_EVERY: Final = 3600
"""Rounds between two touches of the files, which keep cleaners of temporary directories away."""
ENDPOINT_LOCK: Final = "endpoint"


class Membership:
    """A process in its family. Nothing here raises: without a directory, or room in it, the ledger stays in memory.

    What stays in memory is not shown: siblings cannot see it, so a sum with it would fall as soon as one of them
    answers, or this process is killed. Only what was shown before there were siblings goes on as it was: the children
    inherit it, as memory that they share.
    """

    def __init__(
        self, family: Family, ledger: Ledger, names: Names, tick: Callable[[], None],
        inherited: Sequence[Inherited] = (),
    ) -> None:  # fmt: skip
        self.family: Final = family
        self.joined = False
        self._first: Final = family.alone
        """Whether it was shown before it had siblings."""
        self._left = False
        self._ledger: Final = ledger
        self._names: Final = names
        self._tick = tick
        self._directory: Directory | None = None
        self._member: Member = files.member(family.me, family.root)
        self._inherited: Final = inherited
        self._bequeathed: dict[int, Inherited] = {}
        """Segments that were shown before there were siblings, and have found no room."""
        self._homes: dict[int, Held] = {}
        """Files of the segments that lie in one."""
        self._warned = False
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._endpoint: Held | None = None
        self._rounds = 0

    def join(self) -> None:
        """Takes part from now on: values move into files, and a thread keeps them in order."""
        if self.joined:
            return
        self.joined = True
        self._enter()
        if self._first:
            self._bequeath()
        self._thread = threading.Thread(target=self._run, name="otel-llm-prefork", daemon=True)
        with suppress(RuntimeError):  # the interpreter is shutting down
            self._thread.start()

    def rows(self) -> Rows:
        """The sum over the family. Nothing if it cannot be told: a series that is absent for a while has not fallen."""
        directory = self._directory
        if directory is None:
            return self._ledger if self._first and not self._left else Totals()
        try:
            if self._left:  # a last scrape: what was counted here stands in files, or in the archive
                return directory.total(None, list)
            self._publish()
            self._tidy()
            return directory.total(self._member, self._own)
        except Exception as error:
            site("prefork.rows").note(error)
            return Totals()

    def lead(self) -> bool:
        """Whether this process may serve the endpoint: True for one process of the family at a time, until it ends."""
        if self._directory is None or self._endpoint is not None:
            return True
        try:
            self._endpoint = files.try_lock(self._directory.path / ENDPOINT_LOCK)
        except OSError:
            return True
        return self._endpoint is not None

    def forked(self) -> list[Inherited]:
        """In a forked child: lets go of what is the parent's, without touching it, but for what is inherited."""
        for home in self._homes.values():
            home.close()
        if self._endpoint is not None:
            self._endpoint.close()
        return [*self._inherited, *self._bequeathed.values()]

    def leave(self) -> None:
        """The process ends, or is no longer instrumented: its figures go to the archive, its files away."""
        self._stop.set()
        if self._thread is not None and self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(TICK)
        self._leave()

    # ------------------------------------------------------------------ the directory
    @guarded("prefork.join")
    def _enter(self) -> None:
        try:
            path = self.family.directory()
            directory = Directory(path, self._names, self.family.spare, self._inherited)
            if self.family.reused:
                directory.renew()
        except OSError as error:
            self._homeless(error)
            return
        self._directory = directory
        with self._ledger.lock:
            self._ledger.cells.make = self._segment
            if not self._ledger.cells.segments:
                self._ledger.cells.grow()
        self._settle()
        self._ledger.publish()

    def _segment(self, size: int) -> Segment:
        """A further segment for the ledger, in a file if there is room."""
        segment = in_memory(size)
        self._house(len(self._ledger.cells.segments), segment)
        return segment

    def _settle(self) -> None:
        """Moves every segment that lies in memory into a file."""
        with self._ledger.lock:
            for number, segment in enumerate(self._ledger.cells.segments):
                if number not in self._homes and not self._house(number, segment):
                    return

    def _house(self, number: int, segment: Segment) -> bool:
        if self._directory is None:
            return False
        path = self._directory.path / self._member.file(number)
        try:
            self._homes[number] = files.move(segment, path, self._directory.spare)
        except OSError as error:
            self._homeless(error)
            return False
        if number in self._bequeathed:
            self._bequeathed.pop(number).void()
        return True

    @guarded("prefork.bequeath")
    def _bequeath(self) -> None:
        with self._ledger.lock:
            for number, segment in enumerate(self._ledger.cells.segments):
                if number not in self._homes:
                    shared = mmap(-1, len(segment.raw))
                    shared[:] = bytes(segment.raw)
                    segment.mount(shared)
                    self._bequeathed[number] = Inherited(self._member, number, shared)

    def _homeless(self, error: OSError) -> None:
        site("prefork.full").count()
        if self._warned:
            return
        self._warned = True
        with suppress(Exception):
            logger.warning(
                "otel-llm: there is no room for what this process counts from now on; scrapes show it when there is, "
                "and what has found none when the process ends is lost: %s. Free the disk, or set "
                "OTEL_LLM_PREFORK_DIR, or instrument(prefork_dir=...), to a directory that all workers can write to",
                error,
            )

    def _own(self) -> list[bytes | None]:
        with self._ledger.lock:
            return [
                bytes(segment.raw) if number in self._homes or number in self._bequeathed else None
                for number, segment in enumerate(self._ledger.cells.segments)
            ]

    def _unwritten(self) -> list[bytes]:
        with self._ledger.lock:
            segments = enumerate(self._ledger.cells.segments)
            return [bytes(segment.raw) for number, segment in segments if number not in self._homes]

    # ------------------------------------------------------------------ the thread
    def _run(self) -> None:
        while not self._stop.wait(TICK):
            self._rounds += 1
            self._round()

    @guarded("prefork.round")
    def _round(self) -> None:
        if self._stop.is_set():
            return
        self._publish()
        if self._rounds % TIDY_EVERY == 0:
            if self._directory is None and not self._left:
                self._enter()
            self._return()
            self._settle()
            self._tidy()
        if self._rounds % TOUCH_EVERY == 0:
            self._touch()
        self._tick()

    def _publish(self) -> None:
        try:
            self._ledger.publish()
        except Exception as error:
            site("prefork.publish").note(error)

    def _tidy(self) -> None:
        if self._directory is None:
            return
        try:
            self._directory.tidy(self._member)
        except OSError as error:
            self._homeless(error)

    def _return(self) -> None:
        """Somebody emptied the directory: the values still stand in memory, so they go into new files."""
        if self._directory is None or all(home.path.exists() for home in self._homes.values()):
            return
        self._directory.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._ledger.lock:
            self._come_home(remove=True)
            self._member = files.member(self.family.me, self.family.root)

    def _touch(self) -> None:
        directory = self._directory
        for entry in [directory.path, *directory.path.iterdir()] if directory else ():
            with suppress(OSError):
                os.utime(entry)

    @guarded("prefork.leave")
    def _leave(self) -> None:
        directory, folded = self._directory, False
        if directory is not None:
            self._ledger.publish()
            directory.inherit(self._bequeathed.values())
            self._left = True
            try:
                folded = directory.tidy(self._member, timeout=TICK, leaving=True, homeless=self._unwritten())
            except OSError as error:
                self._homeless(error)
        with self._ledger.lock:
            self._ledger.cells.make = in_memory
            # Files that could not be folded stay: when this process is dead, a sibling does it.
            self._come_home(remove=folded)
            if folded:
                self._bury()
        if self._endpoint is not None:
            self._endpoint.close()
        self._left = True
        if directory is not None and directory.remove_if_over(self.family.me):
            self._directory = None

    def _come_home(self, *, remove: bool) -> None:
        """Moves every segment back into memory. The ledger's lock is held by the caller."""
        for number, home in self._homes.items():
            segment = self._ledger.cells.segments[number]
            segment.mount(bytearray(segment.raw))
            if remove:
                files.remove(home.path, self.family.spare)
            home.close()
        self._homes.clear()

    def _bury(self) -> None:
        """What is bequeathed stands in the archive now. The ledger's lock is held by the caller."""
        for number, found in self._bequeathed.items():
            segment = self._ledger.cells.segments[number]
            segment.mount(bytearray(segment.raw))
            found.void()
        self._bequeathed.clear()
