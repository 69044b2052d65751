"""Who may read what workers share: this user alone; and no directory is used that somebody else may have laid out."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from otel_llm import catalog, guard
from otel_llm.prefork import family, files, processes
from otel_llm.prefork.directory import Directory
from otel_llm.prefork.family import Family
from otel_llm.prefork.membership import Membership
from otel_llm.prefork.totals import Names
from otel_llm.signals.ledger import Ledger
from tests.prefork.test_directory import LABELS, Worker, dead


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where directories are made; nothing is masked, as in a careless service."""
    monkeypatch.setattr(family, "SHARED_MEMORY", tmp_path)
    before = os.umask(0)
    yield tmp_path
    os.umask(before)


def joined(given: Path | None = None) -> Membership:
    me, ledger = processes.process(os.getpid()), Ledger()
    ledger.counter(catalog.RETRY_WAIT, *LABELS).value = 5
    membership = Membership(Family(me, me, given), ledger, Names(100), lambda: None)
    membership.join()
    membership.lead()
    return membership


def modes(path: Path) -> dict[str, int]:
    """Of what lies below, by kind."""
    return {
        "directories" if entry.is_dir() else entry.suffix or entry.name: stat.S_IMODE(entry.lstat().st_mode)
        for entry in path.rglob("*")
    }


def test_directories_and_files_are_this_users_alone(memory: Path) -> None:
    membership = joined()
    worker = Worker(membership.family.directory(), dead(1))
    worker.ledger.counter(catalog.RETRY_WAIT, *LABELS).value = 1
    worker.flush()
    Directory(worker.path, Names(100)).tidy(None)
    found = modes(memory)
    membership.leave()
    assert found == {"directories": 0o700, ".cells": 0o600, "archive": 0o600, "endpoint": 0o600, "lock": 0o600}


@pytest.mark.parametrize("mode", [0o755, 0o2775])
def test_a_directory_that_is_there_keeps_its_mode(memory: Path, mode: int) -> None:
    given = memory / "given"
    given.mkdir()
    given.chmod(mode)
    membership = joined(given)
    found, kept = modes(given), stat.S_IMODE(given.stat().st_mode)
    membership.leave()
    assert (kept, set(found.values())) == (mode, {0o600})


def test_a_directory_that_is_given_is_made_for_this_user(memory: Path) -> None:
    membership = joined(memory / "given")
    found = stat.S_IMODE((memory / "given").stat().st_mode)
    membership.leave()
    assert found == 0o700


def _open(base: Path) -> None:
    base.mkdir(mode=0o777)


def _link(base: Path) -> None:
    elsewhere = base.parent / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    base.symlink_to(elsewhere)


def _foreign(base: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can give a directory away")
    base.mkdir(mode=0o700)
    os.chown(base, 65534, 65534)


@pytest.mark.parametrize("trap", [_open, _link, _foreign, Path.touch])
def test_a_trap_is_not_stepped_into(
    memory: Path, trap: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is written there, and nobody's figures are read from there; one warning says so."""
    base = family.home()
    trap(base)
    before, full = set(memory.rglob("*")), guard.failures().get("prefork.full", 0)
    membership = joined()
    shown = membership.rows().counters(catalog.RETRY_WAIT)
    membership.leave()
    assert set(memory.rglob("*")) == before
    assert shown == [(LABELS, 5)], "shown as by a process that is alone"
    assert guard.failures()["prefork.full"] > full
    assert str(base) in caplog.text
    assert not base.is_dir() or base.is_symlink() or not files.is_private(base)
