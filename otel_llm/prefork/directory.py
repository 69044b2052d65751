"""Directory: what a family of processes counted, on disk. Members' files, and one archive of members that died.

A scrape reads the archive and every member's file. A dead member is folded into the archive: the new archive names the
member as absorbed and replaces the old one in one step, so that the member counts exactly once whoever is killed when.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from otel_llm.prefork import files
from otel_llm.prefork.files import Inherited, Member
from otel_llm.prefork.processes import Process, alive
from otel_llm.prefork.totals import ADMITTED, Index, Names, Totals
from otel_llm.signals.cells import LATER_SEGMENT, Buffer, Cells, in_memory

ARCHIVE: Final = "archive"
ABSORBED: Final = "absorbed"
"""First part of an archive's entry: name of a member whose figures it holds."""
ROOT: Final = "root"
"""First part of an archive's entry: root of a member whose figures it holds."""
TRIES: Final = 5
"""How often a scrape reads again because the archive was replaced meanwhile."""


Stamp = tuple[int, int]
"""Inode and modification time of the archive; zeros if there is none."""


class Share(msgspec.Struct, frozen=True):
    """A member and the numbers of its files."""

    member: Member
    numbers: list[int]


class Archive(msgspec.Struct):
    """What dead members left: the pieces of the archive's file, and what they say about the members."""

    pieces: list[tuple[Index, bytes]] = msgspec.field(default_factory=list[tuple[Index, bytes]])
    absorbed: set[str] = msgspec.field(default_factory=set[str])
    roots: set[str] = msgspec.field(default_factory=set[str])


class Directory:
    """The files of one family, as one process sees them. Its own share is read from memory, never from its files."""

    def __init__(
        self, path: Path, names: Names, spare: Path | None = None, inherited: Sequence[Inherited] = ()
    ) -> None:
        self.path: Final = path
        self.spare: Final = spare
        """Where files go that it has no room for."""
        self._names: Final = names
        self._inherited: Final = list(inherited)
        self._mutex = threading.Lock()  # locks on files hold among processes, not among threads
        self._indexes: dict[str, Index] = {}
        self._archived: tuple[Stamp, Archive] = ((0, 0), Archive())

    def inherit(self, found: Iterable[Inherited]) -> None:
        """Segments that count as long as they stand in no file."""
        self._inherited.extend(found)

    def shares(self) -> list[Share]:
        """Who has files here."""
        found: dict[Member, list[int]] = {}
        for entry in self.path.iterdir():
            parsed = files.parse(entry.name)
            if parsed is not None:
                found.setdefault(parsed[0], []).append(parsed[1])
        return [Share(member, sorted(numbers)) for member, numbers in sorted(found.items(), key=lambda p: p[0].name)]

    def total(self, own: Member | None, segments: Callable[[], Sequence[bytes | None]]) -> Totals:
        """The sum over everyone; ``segments`` gives this process's own, ``None`` for one that is not to be shown.

        :raises OSError: if the directory cannot be read.
        """
        with self._mutex:
            before, totals = self._stamp(), self._read(own)
            for _ in range(TRIES):
                if self._stamp() == before:
                    break
                before, totals = self._stamp(), self._read(own)
            for number, data in enumerate(segments()):
                if data is not None:
                    totals.add(self._index(f"own.{number}", data), data, living=True)
            return totals

    def tidy(
        self, own: Member | None, *, timeout: float = 0.0, leaving: bool = False, homeless: Sequence[bytes] = ()
    ) -> bool:
        """Folds dead members into the archive; with ``leaving``, this process too, its segments written by now, or
        given as ``homeless``.

        :returns: False, and nothing is done, if another process is at it for longer than ``timeout`` seconds.
        :raises OSError: if there is no room.
        """
        with self._mutex, files.locked(self.path, timeout) as ours:
            if not ours:
                return False
            self._clean()
            dead = [share for share in self.shares() if self._dead(share.member, own, leaving)]
            if dead or homeless or self._names.changed:
                self._fold(dead, homeless, own if leaving else None)
            return True

    def renew(self) -> None:
        """Empties the directory if the family that used it is over: no member lives, and none of their masters."""
        with self._mutex, files.locked(self.path, 1.0) as ours:
            if ours and self._over():
                self._remove()

    def remove_if_over(self, leaving: Process) -> bool:
        """Removes the directory if nobody but ``leaving`` is left; whether it did."""
        with self._mutex, files.locked(self.path, 1.0) as ours:
            if not ours or not self._over(leaving):
                return False
            self._remove()
            (self.path / files.LOCK).unlink(missing_ok=True)
        with suppress(OSError):
            self.path.rmdir()
        if self.spare is not None:
            with suppress(OSError):
                self.spare.parent.rmdir()  # unless another family has something there
        return True

    # ------------------------------------------------------------------ steps
    def _stamp(self) -> Stamp:
        try:
            found = (self.path / ARCHIVE).stat()
        except OSError:
            return (0, 0)
        return (found.st_ino, found.st_mtime_ns)

    def _read(self, own: Member | None) -> Totals:
        # Before the files are listed: in between, a segment may be moved into one.
        inherited = [(found, bytes(found.memory)) for found in self._inherited]
        archive, totals, shares = self._archive(), Totals(), self.shares()
        for index, data in archive.pieces:
            totals.add(index, data, living=False)
        written = {(share.member, number) for share in shares for number in share.numbers}
        for found, data in inherited:
            if found.member.name not in archive.absorbed and (found.member, found.number) not in written:
                index = self._index(f"inherited.{found.member.file(found.number)}", data)
                totals.add(index, data, living=files.living(found.member, self.path))
        for share in shares:
            if share.member != own and share.member.name not in archive.absorbed:
                living = files.living(share.member, self.path)
                for index, data in self._pieces(share):
                    totals.add(index, data, living=living)
        return totals

    def _pieces(self, share: Share) -> Iterator[tuple[Index, bytes]]:
        for number in share.numbers:
            name = share.member.file(number)
            data = files.read(self.path / name)
            if data is not None:
                yield self._index(name, data), data

    def _index(self, name: str, data: Buffer) -> Index:
        index = self._indexes.setdefault(name, Index())
        index.extend(data, self._names)
        return index

    def _archive(self) -> Archive:
        stamp = self._stamp()
        if stamp == self._archived[0]:
            return self._archived[1]
        found, names = Archive(), self._names
        for piece in _segments(files.read(self.path / ARCHIVE) or b""):
            index = Index()
            index.extend(piece, names)
            found.pieces.append((index, piece))
            for kind, *rest in index.others:
                if kind == ABSORBED:
                    found.absorbed.add(rest[0])
                elif kind == ROOT:
                    found.roots.add(rest[0])
                elif kind == ADMITTED:
                    names.admit(rest[0], rest[1], archived=True)
        self._archived = (stamp, found)
        return found

    def _dead(self, member: Member, own: Member | None, leaving: bool) -> bool:
        return leaving if member == own else not files.living(member, self.path)

    def _fold(self, dead: list[Share], homeless: Sequence[bytes] = (), leaving: Member | None = None) -> None:
        archive, totals, cells = self._archive(), Totals(), Cells()
        cells.make = lambda _: in_memory(LATER_SEGMENT)
        new = [share for share in dead if share.member.name not in archive.absorbed]
        for index, data in archive.pieces:
            totals.add(index, data, living=False)
        for share in new:
            for index, data in self._pieces(share):
                totals.add(index, data, living=False)
        for data in homeless:
            index = Index()
            index.extend(data, self._names)
            totals.add(index, data, living=False)
        for label, value in self._names.items():
            cells.place((ADMITTED, label, value), 0)
        for member in {*(share.member for share in dead), *([leaving] if leaving else ())}:
            cells.place((ABSORBED, member.name), 0)
        for root in _alive({*archive.roots, *(str(share.member.root) for share in new)}):
            cells.place((ROOT, root), 0)
        totals.write(cells)
        files.replace(self.path / ARCHIVE, cells.segments, self.spare)
        self._names.changed = False
        self._unlink(share.member.file(number) for share in dead for number in share.numbers)

    def _clean(self) -> None:
        """Removes what a process left that was killed while it made a file."""
        for entry in self.path.glob(f".*{files.UNFINISHED}"):
            parsed = files.parse(entry.name[1 : -len(files.UNFINISHED)])
            if parsed is not None and alive(parsed[0].process) is False:
                entry.unlink(missing_ok=True)

    def _over(self, leaving: Process | None = None) -> bool:
        roots = {files.parse_process(root) for root in self._archive().roots}
        for share in self.shares():
            if share.member.process != leaving and files.living(share.member, self.path):
                return False
            roots.add(share.member.root)
        return not any(root != leaving and alive(root) for root in roots)

    def _remove(self) -> None:
        kept = {files.LOCK}
        self._unlink(entry.name for entry in self.path.iterdir() if entry.name not in kept)
        if self.spare is not None:
            shutil.rmtree(self.spare, ignore_errors=True)
        self._indexes.clear()

    def _unlink(self, names: Iterable[str]) -> None:
        for name in list(names):
            self._indexes.pop(name, None)
            files.remove(self.path / name, self.spare)


def _alive(roots: set[str]) -> list[str]:
    return sorted(root for root in roots if alive(files.parse_process(root)))


def _segments(data: bytes) -> Iterator[bytes]:
    """The segments of an archive, which stand one after the other."""
    for start in range(0, len(data), LATER_SEGMENT):
        yield data[start : start + LATER_SEGMENT]
