"""The README's tables are what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import readme


@pytest.mark.parametrize("name", ["settings", "clients"])
def test_table_is_up_to_date(name: str) -> None:
    """`python -m tests.readme` writes them anew."""
    assert readme.section(readme.README.read_text(), name)[2] == readme.SECTIONS[name]() + "\n"


def test_recordings_table_is_up_to_date(shared: Path) -> None:
    assert readme.section(readme.README.read_text(), "recordings")[2] == readme.recordings() + "\n"
