"""The directory's promise: whatever dies, is folded, torn or damaged, nobody else's figures change."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_llm import catalog
from otel_llm.catalog import Metric
from otel_llm.prefork import files, processes
from otel_llm.prefork.directory import ABSORBED, Directory
from otel_llm.prefork.family import Family
from otel_llm.prefork.files import Member
from otel_llm.prefork.membership import Membership
from otel_llm.prefork.processes import Process
from otel_llm.prefork.totals import Names
from otel_llm.signals import cells
from otel_llm.signals.ledger import Ledger

LABELS = ("chat", "openai", "m")
IDS = ("ab" * 16, "cd" * 8)


def dead(number: int) -> Process:
    """A process of this namespace that is no more: no process began before the first."""
    return Process(number + 1, 1, processes.namespace())


class Worker:
    """A ledger whose segments lie in a directory, as a process leaves them that is killed."""

    def __init__(self, path: Path, process: Process) -> None:
        self.path = path
        self.ledger = Ledger()
        self.member = files.member(process, process)
        self.held: list[files.Held] = []

    def flush(self) -> None:
        """Writes the files as they would stand now, and lets the lock go."""
        self.ledger.publish()
        for number, segment in enumerate(self.ledger.cells.segments):
            path = self.path / self.member.file(number)
            path.unlink(missing_ok=True)
            files.create(path, bytes(segment.raw)).close()


def directory(path: Path, cap: int = 100) -> Directory:
    return Directory(path, Names(cap))


def shown(found: Directory, metric: Metric) -> dict[tuple[str, ...], float]:
    return dict(found.total(None, list).counters(metric))


dollars = st.floats(1e-9, 10.0)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(dollars, max_size=8), min_size=1, max_size=5), st.permutations(range(5)), st.integers(0, 2**32)
)
def test_sums_never_change_by_folding(
    tmp_path_factory: pytest.TempPathFactory, amounts: list[list[float]], order: list[int], seed: int
) -> None:
    """Dollars to the last digit: a sum that is lower by one in the last place is a restart to Prometheus."""
    path = tmp_path_factory.mktemp("family")
    found, luck = directory(path), random.Random(seed)
    for number, values in enumerate(amounts):
        worker = Worker(path, dead(number))
        for value in values:
            worker.ledger.counter(catalog.COST, *LABELS, "input").value += value
            worker.ledger.histogram(catalog.FIRST_CHUNK, *LABELS, "r", "a", "1").record(value, IDS)
        worker.flush()
    before = shown(found, catalog.COST)
    histogram = found.total(None, list).histograms(catalog.FIRST_CHUNK)
    for number in order[: len(amounts)]:
        shares = [share for share in found.shares() if share.member.process == dead(number)]
        if luck.random() < 0.7 and shares:
            found._fold(shares)
        assert shown(found, catalog.COST) == before
        assert found.total(None, list).histograms(catalog.FIRST_CHUNK) == histogram
    found.tidy(None)
    assert shown(directory(path), catalog.COST) == before
    assert found.shares() == []


def test_a_fold_keeps_the_last_digit(tmp_path: Path) -> None:
    """Added one after the other, 1 and two halves of its last place are 1."""
    half, workers = 2.0**-53, [Worker(tmp_path, dead(number)) for number in range(3)]
    found = directory(tmp_path)
    for worker, value in zip(workers, (1.0, half, half), strict=True):
        worker.ledger.counter(catalog.COST, *LABELS, "input").value = value
        worker.flush()
    for worker in workers:
        assert shown(found, catalog.COST) == {(*LABELS, "input"): 1.0 + 2 * half}
        found._fold([share for share in found.shares() if share.member == worker.member])


def test_a_fold_that_was_cut_short_counts_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between the new archive and the removal of the files it holds."""
    worker = Worker(tmp_path, dead(1))
    worker.ledger.counter(catalog.RETRY_WAIT, *LABELS).value = 5
    worker.flush()
    found = directory(tmp_path)
    monkeypatch.setattr(found, "_unlink", lambda _: None)
    found.tidy(None)
    assert len(found.shares()) == 1
    assert shown(directory(tmp_path), catalog.RETRY_WAIT) == {LABELS: 5}
    directory(tmp_path).tidy(None)
    again = directory(tmp_path)
    assert (again.shares(), shown(again, catalog.RETRY_WAIT)) == ([], {LABELS: 5})


def test_leaving_without_the_lock_leaves_the_figures(tmp_path: Path) -> None:
    """A sibling that is stopped while it has the directory's lock: our files stay, for whoever folds them later."""
    me, ledger = processes.process(os.getpid()), Ledger()
    ledger.counter(catalog.RETRY_WAIT, *LABELS).value = 5
    membership = Membership(Family(me, me, tmp_path), ledger, Names(100), lambda: None)
    membership.join()
    path = tmp_path / files.LOCK
    program = f"import fcntl\nf = open({str(path)!r}, 'a')\nfcntl.lockf(f, fcntl.LOCK_EX)\nprint(flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        membership.leave()
        assert shown(directory(tmp_path), catalog.RETRY_WAIT) == {LABELS: 5}
        holder.kill()


def test_archive_forgets_members_whose_files_are_gone(tmp_path: Path) -> None:
    for number in range(30):
        worker = Worker(tmp_path, dead(number))
        worker.ledger.counter(catalog.RETRY_WAIT, *LABELS).value = 1
        worker.flush()
        directory(tmp_path).tidy(None)
    index = [key for text, *_ in cells.entries((tmp_path / "archive").read_bytes()) if (key := cells.decode(text))]
    assert sum(key[0] == ABSORBED for key in index) == 1
    assert shown(directory(tmp_path), catalog.RETRY_WAIT) == {LABELS: 30}
    assert {entry.name for entry in tmp_path.iterdir()} == {"archive", "lock"}


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 70_000), st.integers(0, 70_000), st.booleans())
def test_damage_costs_only_the_file_that_has_it(
    tmp_path_factory: pytest.TempPathFactory, rubbish: bytes, at: int, length: int, archived: bool
) -> None:
    path, whole = tmp_path_factory.mktemp("family"), ("chat", "openai", "whole")
    for number, labels in enumerate((LABELS, whole)):
        worker = Worker(path, dead(number))
        worker.ledger.counter(catalog.RETRY_WAIT, *labels).value = 5
        worker.ledger.histogram(catalog.FIRST_CHUNK, *labels, "r", "a", "1").record(1.0, IDS)
        worker.flush()
        if labels == LABELS:
            broken = path / worker.member.file(0)
            data = broken.read_bytes()
            broken.write_bytes((data[:at] + rubbish + data[at + len(rubbish) :])[:length])
    found = directory(path)
    if archived:
        found.tidy(None)
    totals = found.total(None, list)
    assert dict(totals.counters(catalog.RETRY_WAIT))[whole] == 5
    assert dict(totals.histograms(catalog.FIRST_CHUNK))[*whole, "r", "a", "1"].sum == 1


def test_gauges_merge_by_their_rule_over_the_living(tmp_path: Path) -> None:
    me = processes.process(os.getpid())
    rows = {0: (1.0, 10.0), 1: (4.0, 30.0), 2: (2.0, 20.0), 3: (99.0, 99.0)}
    for number, (value, at) in rows.items():
        worker = Worker(tmp_path, dead(1) if number == 3 else me)
        kind = ("openai", "m", "tokens")
        worker.ledger.observe(catalog.INFLIGHT, lambda value=value: [(LABELS, value)])
        worker.ledger.observe(catalog.OLDEST_INFLIGHT, lambda value=value: [(LABELS, value)])
        worker.ledger.observe(
            catalog.RATELIMIT_REMAINING, lambda value=value, kind=kind: [(kind, value)], lambda _, at=at: at
        )
        worker.flush()
    found = directory(tmp_path)
    assert shown(found, catalog.INFLIGHT) == {LABELS: 7.0}
    assert shown(found, catalog.OLDEST_INFLIGHT) == {LABELS: 4.0}
    assert shown(found, catalog.RATELIMIT_REMAINING) == {("openai", "m", "tokens"): 4.0}
    found.tidy(None)
    assert shown(found, catalog.INFLIGHT) == {LABELS: 7.0}


def test_a_gauge_that_is_no_longer_stated_disappears(tmp_path: Path) -> None:
    me = processes.process(os.getpid())
    worker, rows = Worker(tmp_path, me), [(LABELS, 3.0)]
    worker.ledger.observe(catalog.INFLIGHT, lambda: list(rows))
    worker.flush()
    assert shown(directory(tmp_path), catalog.INFLIGHT) == {LABELS: 3.0}
    rows.clear()
    worker.flush()
    assert shown(directory(tmp_path), catalog.INFLIGHT) == {}


def test_labels_of_the_sum_are_capped_and_stay_what_they_were(tmp_path: Path) -> None:
    """Every worker has its own cap, and workers come and go: together they may not exceed it."""
    found, seen = directory(tmp_path, cap=10), {}
    for number in range(8):
        worker = Worker(tmp_path, dead(number))
        for model in range(4):
            worker.ledger.counter(catalog.RETRY_WAIT, "chat", "openai", f"{number}-{model}").value = 1
        worker.flush()
        now = shown(found, catalog.RETRY_WAIT)
        assert all(now[labels] >= value for labels, value in seen.items())
        seen = now
        directory(tmp_path, cap=10).tidy(None)
        assert shown(found, catalog.RETRY_WAIT) == seen
    assert len(seen) == 11
    assert seen["chat", "openai", "other"] == 22
    assert sum(seen.values()) == 32


def test_a_label_that_was_shown_stays_shown_whoever_is_asked(tmp_path: Path) -> None:
    """A sibling that answers first time, and reads the members in another order, does not decide anew."""
    me = processes.process(os.getpid())
    for name, answering in (("b", directory(tmp_path, cap=2)), ("a", directory(tmp_path, cap=2))):
        worker = Worker(tmp_path, me)
        worker.member = Member(me, me, name)
        for model in range(2):
            worker.ledger.counter(catalog.RETRY_WAIT, "chat", "openai", f"{name}{model}").value = 1
        worker.flush()
        models = {labels[2]: value for labels, value in shown(answering, catalog.RETRY_WAIT).items()}
        answering.tidy(None)
    assert models == {"b0": 1, "b1": 1, "other": 2}


def test_another_process_s_lock_tells_that_it_lives(tmp_path: Path) -> None:
    """A sibling in another container is no pid of ours."""
    stranger = Member(Process(1, 5, 7), Process(1, 5, 7), "a")
    assert not files.living(stranger, tmp_path)
    path = tmp_path / stranger.file(0)
    path.write_bytes(b"")
    assert not files.living(stranger, tmp_path)
    program = f"import fcntl\nf = open({str(path)!r}, 'r+b')\nfcntl.lockf(f, fcntl.LOCK_EX)\nprint(flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert files.living(stranger, tmp_path)
        holder.kill()
    assert not files.living(stranger, tmp_path)
