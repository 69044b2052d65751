"""Every recorded exchange: the facts that the formats read are those that the provider's bytes state."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_llm.formats.table import recognise
from tests.formats.recordings import OUT_OF_SCOPE, Row, as_table, exchanges, rows

GUESSED = "the oracle guessed the operation by host and path: command-r takes a chat's message, not a prompt"
DIFFERING = {
    "aws-bedrock-8876a7da873e": ({"operation"}, GUESSED),
    "aws-bedrock-b908a9be0601": ({"operation"}, GUESSED),
    "replicate-3daedc8327a0": (
        {"chunks"},
        "by the WHATWG rules an event with empty data is none; the oracle counts it",
    ),
}
"""Rows whose expected facts are wrong: the fields, and why."""


@pytest.fixture(scope="module")
def found(shared: Path) -> list[Row]:
    return rows(shared)


def test_every_row_agrees_or_is_listed(found: list[Row]) -> None:
    wrong = {row.id: (row.api, row.status, row.differences) for row in found if row.status in ("differs", "no format")}
    listed = {row: set(fields) for row, (fields, _) in DIFFERING.items()}
    assert {key: set(differences) for key, (_, _, differences) in wrong.items()} == listed, wrong


def test_counts(found: list[Row], capsys: pytest.CaptureFixture[str]) -> None:
    table = as_table(found)
    with capsys.disabled():
        print(f"\n{table}")
    assert len(found) == 793
    assert sum(row.status == "out of scope" for row in found) == sum(row.api in OUT_OF_SCOPE for row in found)
    assert table.endswith("| **all** | | 696 | 3 | 94 |")


def test_paths_out_of_scope_are_not_recognised(shared: Path) -> None:
    taken = {exchange["url"] for exchange, _ in exchanges(shared) if exchange["api"] in OUT_OF_SCOPE}
    assert taken
    assert [url for url in taken if recognise(url) is not None] == []
