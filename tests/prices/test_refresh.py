"""The background refresh: new tables come in, bad ones do not."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest

from otel_llm import catalog, guard
from otel_llm.formats.facts import Usage
from otel_llm.prices import Overrides, Priced, PriceTable, Refresh, Unpriced
from otel_llm.prices.refresh import MAX_BYTES, fetch
from otel_llm.prices.table import Dated, Model, Provider, Rates, Table
from tests.telemetry import observed, until

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
TABLE = Table(
    source="test",
    date=date(2027, 2, 3),
    providers={"openai": Provider((Model("m", (Dated(Rates(input=1.0, output=1.0)),), names=("new-model",)),))},
)
USAGE = Usage(input=1_000_000, output=0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "prices.json"
    path.write_bytes(msgspec.json.encode(TABLE))
    return path


class Watched(PriceTable):
    """Says when a table has come."""

    def __init__(self) -> None:
        super().__init__()
        self.came = threading.Event()

    def replace(self, table: Table) -> None:
        super().replace(table)
        self.came.set()


def test_a_file_replaces_the_table(file: Path) -> None:
    prices = Watched()
    assert prices.price("openai", "new-model", USAGE, at=AT) == Unpriced("unknown_model")
    refresh = Refresh(prices, str(file))
    refresh.start()
    assert prices.came.wait(10)
    refresh.stop()
    result = prices.price("openai", "new-model", USAGE, at=AT)
    assert isinstance(result, Priced)
    assert result.total == 1.0
    assert prices.time == datetime(2027, 2, 3, tzinfo=UTC).timestamp()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def server(file: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(file.parent))) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_a_url_is_read(server: str) -> None:
    assert fetch(f"{server}/prices.json") == TABLE
    with pytest.raises(OSError, match="404"):
        fetch(f"{server}/none.json")


def test_bad_tables_leave_the_last_good_one(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    prices = Watched()
    errors: list[Exception] = []
    failed = threading.Semaphore(0)

    def on_error(error: Exception) -> None:
        errors.append(error)
        failed.release()

    prices.replace(TABLE)
    file.write_text('{"source": "x", "date": "2027-01-01", "providers": {}}')
    with caplog.at_level(logging.WARNING):
        refresh = Refresh(prices, str(file), interval=0.01, on_error=on_error)
        refresh.start()
        assert failed.acquire(timeout=10)
        assert failed.acquire(timeout=10)
        prices.came.clear()
        assert prices.table is TABLE
        file.write_bytes(msgspec.json.encode(TABLE))
        assert prices.came.wait(10)
        refresh.stop()
    assert all(isinstance(error, ValueError) for error in errors)
    assert len([record for record in caplog.records if "no providers" in record.message]) == 1
    assert prices.table == TABLE


def test_overrides_stay(file: Path) -> None:
    prices = PriceTable(overrides=Overrides.from_mapping({"discounts": [{"factor": 0.5}]}))
    prices.replace(fetch(str(file)))
    result = prices.price("openai", "new-model", USAGE, at=AT)
    assert isinstance(result, Priced)
    assert result.total == 0.5


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b" " * (MAX_BYTES + 1))
    with pytest.raises(ValueError, match="larger"):
        fetch(str(path))
    path.write_text("<html>")
    with pytest.raises(ValueError, match="malformed"):
        fetch(str(path))
    with pytest.raises(OSError, match="none"):
        fetch(str(tmp_path / "none"))
    with pytest.raises(ValueError, match="above 0"):
        Refresh(PriceTable(), "x", interval=0)


def test_pricing_needs_neither_genai_prices_nor_a_network_module() -> None:
    code = (
        "import sys, datetime, otel_llm.prices as p; from otel_llm.formats.facts import Usage;"
        "p.PriceTable().price('openai', 'gpt-4o', Usage(input=1), at=datetime.datetime.now(datetime.UTC));"
        "print([m for m in ('genai_prices', 'pydantic', 'yaml') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_instrument_reads_it(file: Path) -> None:
    newer = datetime(2027, 2, 3, tzinfo=UTC).timestamp()
    with observed(prices_refresh=str(file)) as telemetry:
        until(lambda: telemetry.value(catalog.PRICES_TIME) == newer)
    assert not [thread for thread in threading.enumerate() if thread.name == "otel-llm-prices"]


def test_instrument_counts_what_fails(file: Path) -> None:
    before = guard.failures().get("prices.refresh", 0)
    with observed(prices_refresh=str(file.parent / "none.json")) as telemetry:
        until(lambda: telemetry.value(catalog.INTERNAL_ERRORS, site="prices.refresh") == before + 1)
        until(lambda: telemetry.logged)
        assert "none.json" in telemetry.logged[0].getMessage()
        telemetry.forgive()
