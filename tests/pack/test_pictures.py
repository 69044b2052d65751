"""The pictures that are checked in show the dashboards as they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.pack import pictures
from tests.pack.pictures import IMAGES, MANIFEST, SPANS, Picture


def test_no_picture_is_stale() -> None:
    """After a change of a dashboard: ``make pictures``, and look at what it drew."""
    assert pictures.stale() == []


def test_staleness_is_noticed(tmp_path: Path) -> None:
    wanted = pictures.manifest()
    (tmp_path / MANIFEST).write_text(json.dumps({**wanted, "otel-llm-cost.png": "another", "gone.png": "a"}))
    for name in wanted:
        (tmp_path / name).touch()
    assert pictures.stale(tmp_path) == ["gone.png", "otel-llm-cost.png"]
    (tmp_path / "otel-llm-slo.png").unlink()
    assert "otel-llm-slo.png" in pictures.stale(tmp_path)


@pytest.mark.parametrize("board", SPANS)
def test_every_dashboard_is_shown_in_an_incident(board: str) -> None:
    assert Picture(board) in pictures.CHECKED_IN
    assert (IMAGES / Picture(board).name).stat().st_size < 500_000
