"""No room under the directory: what a scrape shows is the same whoever answers, and never falls."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from otel_llm import catalog
from otel_llm.prefork import family, files, processes
from otel_llm.prefork.directory import ARCHIVE, Directory
from otel_llm.prefork.family import Family
from otel_llm.prefork.membership import Membership
from otel_llm.prefork.totals import Names
from otel_llm.signals.ledger import Ledger
from tests.prefork.programs import told
from tests.prefork.test_directory import LABELS, Worker, dead, shown

WORKERS = """
import resource
from otel_llm.prefork import files, membership
membership.TICK, membership.TIDY_EVERY = 0.02, 1

def limited(size):
    # Files of this process may not grow beyond that; None: as they like.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits[1] if size is None else size, limits[1]))

def models(first, after):
    for number in range(first, after):
        call(f"gpt-{number}")

def shown():
    return {" ".join(map(str, (name, *sorted(labels)))): value for (name, labels), value in scraped().rising.items()
            if "internal_errors" not in name and "overflow" not in name and "_info" not in name}

def ended():
    otel_llm.uninstrument()

STEPS = {"start": instrumented, "limit": limited, "work": work, "models": models, "shown": shown, "end": ended,
         "calls": lambda: scraped().calls, "errors": lambda: scraped().errors}

class Worker:
    # A child that does as it is told.
    def __init__(self):
        self.pipe, theirs = multiprocessing.Pipe()
        self.pid = fork(lambda: self._serve(theirs))
    def _serve(self, pipe):
        while True:
            step, *rest = pipe.recv()
            pipe.send(STEPS[step](*rest))
    def __call__(self, *step):
        self.pipe.send(step)
        assert self.pipe.poll(30), step
        return self.pipe.recv()
    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

import logging
logging.getLogger("otel_llm").disabled = True
"""


def test_what_one_process_cannot_write_nobody_shows_until_it_can(tmp_path: Path) -> None:
    """One worker finds no room at all; it is killed when its figures have found some."""
    found = told(
        tmp_path,
        WORKERS
        + """
a, b = Worker(), Worker()
a("start"), b("limit", 1024), b("start")
a("work", 3), b("work", 5)
full = [a("calls"), b("calls"), a("calls"), b("calls")]
b("limit", None)
until(lambda: a("calls") == 8, 30)
room = [a("calls"), b("calls")]
b.kill()
tell(full=full, room=room, killed=a("calls"), errors=list(a("errors")))
a.kill()
""",
    )
    assert found == {"full": [3, 3, 3, 3], "room": [8, 8], "killed": 8, "errors": ["prefork.full"]}


@pytest.mark.parametrize("room", [True, False], ids=["room-at-the-end", "none-at-the-end"])
def test_a_process_that_outgrows_the_disk(tmp_path: Path, room: bool) -> None:
    """Its first segment is written, later ones are not: bounded is what is lost, by what came after."""
    found = told(
        tmp_path,
        WORKERS
        + f"""
a, b = Worker(), Worker()
a("start"), b("start")
membership.TIDY_EVERY = 10**9
b("limit", 1024), a("work", 2), b("models", 0, 2)
before = a("shown")
b("models", 2, 16)
full, same = a("shown"), b("shown")
falls = [key for key, value in before.items() if full.get(key, -1) < value]
written = a("calls")
if {room}:
    b("limit", None)
b("end")
ended = a("shown")
falls += [key for key, value in full.items() if ended.get(key, -1) < value]
tell(falls=falls, same=full == same, written=written, ended=a("calls"))
a.kill(), b.kill()
""",
    )
    assert (found["falls"], found["same"]) == ([], True)
    assert 2 <= found["written"] < 18, "some must not have found room, or the test shows nothing"
    assert found["ended"] == (18 if room else found["written"])


@pytest.mark.parametrize("room", ["meanwhile", "at-the-end", "never"])
@pytest.mark.parametrize("end", ["killed", "exit"])
def test_a_master_without_room_that_dies_leaves_its_figures_to_its_children(
    tmp_path: Path, end: str, room: str
) -> None:
    """It was shown before it had children, so that its figures are in every sum: its children's, too, and for good."""
    found = told(
        tmp_path,
        WORKERS
        + f"""
instrumented(), work(2), limited(1024)
master, family, (ready, go) = os.getpid(), home(), (os.pipe(), os.pipe())
written = lambda: len(list(family.glob(f"{{master}}-*")))
def child():
    limited(None), work(4)
    young = [scraped().calls]
    source, out = os.pipe()
    os.waitpid(fork(lambda: (work(1), os.write(out, str(scraped().calls).encode()))), 0)
    young.append(float(os.read(source, 99)))
    os.write(ready[1], b"1")
    orphan = [float(os.read(go[0], 99))]
    had = written()
    until(lambda: orphan.append(scraped().calls) or os.getppid() != master, 30)
    until(lambda: orphan.append(scraped().calls) or not written(), 30)
    orphan.append(scraped().calls)
    tell(young=young, orphan=sorted(set(orphan)), written=bool(had))
fork(child)
os.read(ready[0], 1)
work(3)
if {room!r} == "meanwhile":
    limited(None)
    until(written, 30)
os.write(go[1], str(scraped().calls).encode())
if {room!r} == "at-the-end":
    membership.TIDY_EVERY = 10**9
    limited(None)
if {end!r} == "killed":
    os.kill(master, signal.SIGKILL)
""",
        code=-9 if end == "killed" else 0,
    )
    assert found == {"young": [6, 7], "orphan": [10], "written": room == "meanwhile"}


NAMESPACE = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
uid, gid, user = os.geteuid(), os.getegid(), os.geteuid() and 0x10000000
alone = libc.unshare(0x20000 | user) == 0
if alone and user:
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
alone = alone and libc.mount(None, b"/", None, 0x44000, None) == 0
alone = alone and libc.mount(b"tmpfs", b"/dev/shm", b"tmpfs", 0, b"size=100k") == 0
if not alone:
    tell(refused=os.strerror(ctypes.get_errno()))
    sys.exit()
"""
"""A mount namespace with a /dev/shm of 100 KB: room for one worker."""


def refused(found: dict[str, Any]) -> None:
    if "refused" in found:
        pytest.skip(f"no mount namespace here: {found['refused']}")


def test_a_last_scrape_of_a_process_without_room_shows_what_it_showed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def writing(descriptor: int, content: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    me, ledger = processes.process(os.getpid()), Ledger()
    monkeypatch.setattr(family, "SHARED_MEMORY", tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    membership = Membership(Family(me, me, None), ledger, Names(100), lambda: None)
    sibling = Worker(membership.family.directory(), processes.process(os.getppid()))
    for found, value in ((sibling.ledger, 3), (ledger, 5)):
        found.counter(catalog.RETRY_WAIT, *LABELS).value = value
    sibling.flush()
    monkeypatch.setattr(files, "_write", writing)
    membership.join()
    rows = lambda: membership.rows().counters(catalog.RETRY_WAIT)  # noqa: E731
    before = rows()
    membership.leave()
    assert (before, rows()) == ([(LABELS, 8)], [(LABELS, 8)])


def test_a_directory_that_is_given_has_no_other_beside_it(tmp_path: Path) -> None:
    """Whoever shares it may share no other, so what it has no room for is shown by nobody, until it has some."""
    found = told(
        tmp_path,
        NAMESPACE
        + WORKERS
        + """
a, b = Worker(), Worker()
a("start"), b("start")
a("work", 3), b("work", 5)
full = [a("calls"), b("calls"), a("calls")]
assert libc.mount(b"tmpfs", b"/dev/shm", b"tmpfs", 0x20, b"size=4m") == 0  # again, and larger
until(lambda: a("calls") == 8, 30)
a("end")
tell(full=full, room=[b("calls"), b("calls")], errors=list(b("errors")))
a.kill(), b.kill()
""",
        TMPDIR=str(tmp_path),
        OTEL_LLM_PREFORK_DIR="/dev/shm/given",
    )
    refused(found)
    assert found == {"full": [3, 3, 3], "room": [8, 8], "errors": ["prefork.full"]}
    assert list(tmp_path.rglob("*.cells")) == []


def test_what_shared_memory_has_no_room_for_lies_on_the_disk(tmp_path: Path) -> None:
    """With a real /dev/shm that is full: workers come, die, are folded, and nothing is lost."""
    disk = tmp_path / "disk"
    disk.mkdir()
    found = told(
        tmp_path,
        NAMESPACE
        + WORKERS
        + """
a, b, c = Worker(), Worker(), Worker()
a("start"), b("start"), c("start")
a("work", 3), b("work", 5), c("work", 7)
steps = [[worker("calls") for worker in (a, b, c)]]
spared = len(list(Path(os.environ["TMPDIR"]).glob("*/*/*.cells")))
b.kill(), a("end"), c("work", 1)
steps.append([c("calls"), c("calls")])
until(lambda: not list(home().glob(f"{b.pid}-*")), 30)
steps.append([c("calls"), c("calls")])
c("end")
tell(steps=steps, spared=spared)
a.kill(), c.kill()
""",
        TMPDIR=str(disk),
    )
    refused(found)
    assert found["steps"] == [[15, 15, 15], [16, 16], [16, 16]]
    assert found["spared"] == 2, "there was room for all, or the test shows nothing"
    assert list(disk.rglob("*.cells")) == []


@pytest.fixture
def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shared memory without room for a byte, and a disk beside it."""
    for name in ("memory", "disk"):
        (tmp_path / name).mkdir()
    memory, write = tmp_path / "memory", files._write

    def writing(descriptor: int, content: bytes) -> None:
        if Path(os.readlink(f"/proc/self/fd/{descriptor}")).is_relative_to(memory):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(descriptor, content)

    monkeypatch.setattr(family, "SHARED_MEMORY", memory)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "disk"))
    monkeypatch.setattr(files, "_write", writing)
    return tmp_path


def test_links_stand_for_what_lies_on_the_disk(full: Path) -> None:
    """The member's file, and an archive twice in a row; all of it goes with the family."""
    me = processes.process(os.getpid())
    ledger, found = Ledger(), Family(me, me, None)
    membership = Membership(found, ledger, Names(100), lambda: None)
    membership.join()
    home, spare = found.directory(), found.spare
    assert spare is not None
    (link,) = home.glob("*.cells")
    assert link.readlink().parent == spare
    ledger.counter(catalog.RETRY_WAIT, *LABELS).value = 5
    other = Directory(home, Names(100), spare)
    for number, value in enumerate((1, 2)):
        worker = Worker(spare, dead(number))
        worker.ledger.counter(catalog.RETRY_WAIT, *LABELS).value = value
        worker.flush()
        (home / worker.member.file(0)).symlink_to(spare / worker.member.file(0))
        before = shown(other, catalog.RETRY_WAIT)
        other.tidy(None)
        assert shown(other, catalog.RETRY_WAIT) == before
    assert before == {LABELS: 8}
    assert (home / ARCHIVE).is_symlink()
    assert len(list(spare.glob(f"{ARCHIVE}.*"))) == 1, "the one before is gone"
    membership.leave()
    assert [path for path in full.rglob("*") if path.is_file() or path.is_symlink()] == []


def test_no_link_is_followed_that_is_not_ours(tmp_path: Path) -> None:
    """Whoever may write to a directory that was given could else have us remove any file."""
    precious = tmp_path / "precious"
    precious.write_text("x")
    for name in ("link", "archive"):
        (tmp_path / name).symlink_to(precious)
    files.remove(tmp_path / "link", tmp_path / "spare")
    files.replace(tmp_path / "archive", [], tmp_path / "spare")
    assert precious.read_text() == "x"


def test_a_sum_that_cannot_be_read_is_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Out of descriptors: a sum without a member, or this process's own figures, would be a fall."""
    me = processes.process(os.getpid())
    worker, ledger = Worker(tmp_path, me), Ledger()
    worker.ledger.counter(catalog.RETRY_WAIT, *LABELS).value = 5
    worker.flush()
    membership = Membership(Family(me, processes.process(1), tmp_path), ledger, Names(100), lambda: None)
    membership.join()
    ledger.counter(catalog.RETRY_WAIT, *LABELS).value = 3
    rows = lambda: membership.rows().counters(catalog.RETRY_WAIT)  # noqa: E731
    try:
        assert rows() == [(LABELS, 8)]
        with monkeypatch.context() as patch:
            patch.setattr(Path, "read_bytes", lambda _: (_ for _ in ()).throw(OSError(errno.EMFILE, "Too many")))
            assert rows() == []
        assert rows() == [(LABELS, 8)]
    finally:
        membership.leave()
    assert rows() == [(LABELS, 8)], "a scrape that comes while the process ends"
