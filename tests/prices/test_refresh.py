"""The background refresh: new tables come in, bad ones do not."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import threading
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import openai
import pytest
from opentelemetry.instrumentation.utils import is_http_instrumentation_enabled

from otel_llm import catalog, guard
from otel_llm.demo.emulator import Emulator
from otel_llm.formats.facts import Usage
from otel_llm.prices import Overrides, Priced, PriceTable, Refresh, Unpriced, pricing
from otel_llm.prices.refresh import FORK_SPREAD, MAX_BYTES, SPREAD, fetch
from otel_llm.prices.soundness import check
from otel_llm.prices.table import Dated, Model, Provider, Rates, Table, packaged
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


def test_a_table_that_comes_while_the_packaged_one_is_read_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """The refresh at the start and the first call are two threads."""
    prices = PriceTable()

    def reading() -> Table:
        prices.replace(TABLE)
        return packaged()

    monkeypatch.setattr(pricing, "packaged", reading)
    assert prices.table is TABLE
    assert prices.table is TABLE


class Quiet(SimpleHTTPRequestHandler):
    """Files, and ``/moved.json``, which is elsewhere now."""

    authorizations: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        self.authorizations.append(self.headers["Authorization"])
        if self.path == "/moved.json":
            self.send_response(302)
            self.send_header("Location", "/prices.json")
            self.end_headers()
        else:
            super().do_GET()

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


@pytest.fixture
def seen() -> list[str | None]:
    """Authorization header of each request that the server got."""
    Quiet.authorizations.clear()
    return Quiet.authorizations


def test_a_url_is_read(server: str) -> None:
    assert fetch(f"{server}/prices.json") == TABLE
    with pytest.raises(OSError, match="404"):
        fetch(f"{server}/none.json")


MODEL: dict[str, Any] = {"id": "m", "prices": [{"rates": {"input": 1.0, "output": 1.0}}], "names": ["gpt-4o"]}


def offered(**changes: Any) -> str:
    """A table of the right shape with one model, which is the sound one but for the changes."""
    models = [{**MODEL, **changes}]
    return json.dumps({"source": "x", "date": "2027-03-01", "providers": {"openai": {"models": models}}})


def costing(**rates: Any) -> str:
    return offered(prices=[{"rates": {"input": 1.0, "output": 1.0, **rates}}])


UNSOUND = {
    "nothing": ("", "truncated"),
    "html": ("<html>", "malformed"),
    "no providers": ('{"source": "x", "date": "2027-01-01", "providers": {}}', "no providers"),
    "no prices": (offered(prices=[]), "no standard price"),
    "tiers only": (offered(prices=[{"rates": {"input": 1.0}, "tier": "flex"}]), "no standard price"),
    "no expression": (offered(match=[{"regex": "("}]), "expression '\\('"),
    "no expression within": (offered(match=[{"any": [{"all": [{"regex": "*"}]}]}]), "expression '\\*'"),
    "empty rule": (offered(match=[{}]), "states nothing"),
    "double rule": (offered(match=[{"starts": "a", "ends": "b"}]), "states starts and ends"),
    "capitals": (offered(names=["GPT-4o"]), "lower case"),
    "negative": (costing(input=-5.0), "`input` costs -5"),
    "negative step": (costing(output=[[0, 1.0], [1000, -1.0]]), "`output` costs -1"),
    "negative fee": (costing(request=-0.01), "`request` costs -0.01"),
    "endless": (costing(cache_read=1e300), "`cache_read` costs 1e\\+300"),
    "no steps": (costing(input=[]), "`input` has steps above \\[\\]"),
    "no first step": (costing(input=[[5, 1.0]]), "`input` has steps above \\[5\\]"),
    "steps in disorder": (costing(input=[[0, 1.0], [9, 2.0], [9, 3.0]]), "`input` has steps above"),
    "dates in disorder": (
        offered(prices=[{"rates": {"input": 1.0}, "since": "2027-01-01"}, {"rates": {"input": 2.0}}]), "not in order",
    ),
    "hours in a zone": (
        offered(prices=[MODEL["prices"][0], {"rates": {}, "hours": ["01:00:00Z", "02:00:00Z"]}]), "time zone",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), UNSOUND.values(), ids=UNSOUND)
def test_bad_tables_leave_the_last_good_one(text: str, said: str, file: Path, caplog: pytest.LogCaptureFixture) -> None:
    prices = Watched()
    errors: list[Exception] = []
    failed = threading.Semaphore(0)

    def on_error(error: Exception) -> None:
        errors.append(error)
        failed.release()

    prices.replace(TABLE)
    file.write_text(text)
    with caplog.at_level(logging.WARNING):
        refresh = Refresh(prices, str(file), interval=0.01, on_error=on_error)
        refresh.start()
        assert failed.acquire(timeout=10)
        assert failed.acquire(timeout=10)
        prices.came.clear()
        assert prices.table is TABLE
        write(file, msgspec.json.encode(TABLE))
        assert prices.came.wait(10)
        refresh.stop()
    assert all(isinstance(error, ValueError) for error in errors)
    assert len([record for record in caplog.records if re.search(said, record.getMessage())]) == 1
    assert prices.table == TABLE


def write(file: Path, data: bytes) -> None:
    """In one step, so that no reader sees half a file."""
    part = file.with_suffix(".part")
    part.write_bytes(data)
    part.replace(file)


def test_what_is_wrong_is_named_with_its_mend(tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text(costing(input=-5.0))
    with pytest.raises(ValueError, match=r"openai m: `input` costs -5\.0: give US dollars from 0"):
        fetch(str(path))


def test_the_packaged_table_is_sound() -> None:
    check(packaged())


def test_an_older_table_is_not_taken(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As of a mirror that is behind the package; said once for each such table, and no failure."""
    prices = PriceTable(msgspec.structs.replace(TABLE, date=date(2027, 2, 4)))
    errors: list[Exception] = []
    refresh = Refresh(prices, str(file), on_error=errors.append)
    refresh._once()
    refresh._once()
    assert prices.table.date == date(2027, 2, 4)
    assert [record.getMessage() for record in caplog.records] == [
        f"prices stay those of 2027-02-04: {file}: the table is of 2027-02-03, which is older"
    ]
    write(file, msgspec.json.encode(msgspec.structs.replace(TABLE, source="same day", date=date(2027, 2, 4))))
    refresh._once()
    assert prices.table.source == "same day"
    assert errors == []


SECRETS = ("s3cret", "TOPSECRET")


@pytest.mark.parametrize(
    "source",
    [
        "http://user:s3cret@127.0.0.1:1/prices.json?sig=TOPSECRET",
        "http://user:s3cret@127.0.0.1/a path?sig=TOPSECRET",
        "http://user:s3cret@:bad/x?a=1&sig=TOPSECRET",
        "ftp://user:s3cret@127.0.0.1/prices.json?sig=TOPSECRET",
    ],
)
def test_no_secret_of_the_source_is_logged(source: str, caplog: pytest.LogCaptureFixture) -> None:
    Refresh(PriceTable(TABLE), source)._once()
    (record,) = caplog.records
    assert not [secret for secret in SECRETS if secret in record.getMessage()]
    assert "127.0.0.1" in record.getMessage() or ":bad" in record.getMessage()


class _Broken(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise RuntimeError("broken logging")


def test_neither_a_broken_log_nor_a_broken_listener_ends_the_thread(file: Path) -> None:
    prices = Watched()
    failed = threading.Semaphore(0)

    def on_error(error: Exception) -> None:
        failed.release()
        raise RuntimeError("broken listener")

    handler = _Broken()
    logging.getLogger("otel_llm").addHandler(handler)
    try:
        refresh = Refresh(prices, str(file.parent / "late.json"), interval=0.01, on_error=on_error)
        refresh.start()
        assert failed.acquire(timeout=10)
        assert failed.acquire(timeout=10)
        file.rename(file.parent / "late.json")
        assert prices.came.wait(10)
        refresh.stop()
    finally:
        logging.getLogger("otel_llm").removeHandler(handler)


class Recorded(threading.Event):
    """Stopped after three waits, of which it keeps the seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        return len(self.waits) > 3


def test_workers_do_not_read_in_step(file: Path) -> None:
    refresh = Refresh(PriceTable(TABLE), str(file), interval=1000.0)
    fleet = [Recorded() for _ in range(20)]
    for worker in fleet:
        refresh._run(worker, FORK_SPREAD)
    firsts = {worker.waits[0] for worker in fleet}
    later = {wait for worker in fleet for wait in worker.waits[1:]}
    assert len(firsts) == 20
    assert len(later) == 60
    assert max(firsts) <= FORK_SPREAD
    assert min(later) >= (1 - SPREAD) * 1000.0
    assert max(later) <= (1 + SPREAD) * 1000.0
    alone = Recorded()
    refresh._run(alone, 0.0)
    assert alone.waits[0] == 0.0


def test_reading_gives_no_span(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What opentelemetry-instrumentation-urllib (0.66b2) asks before it makes one, asked where it wraps."""
    asked: list[bool] = []
    real = urllib.request.OpenerDirector.open

    def instrumented(*args: Any, **more: Any) -> Any:
        asked.append(is_http_instrumentation_enabled())
        return real(*args, **more)

    monkeypatch.setattr(urllib.request.OpenerDirector, "open", instrumented)
    fetch(f"{server}/prices.json")
    assert asked == [False]
    assert is_http_instrumentation_enabled()


def test_user_and_password_of_the_url_are_sent_and_stay_with_its_host(server: str, seen: list[str | None]) -> None:
    table = fetch(server.replace("//", "//user:p%40ss@") + "/moved.json")
    assert table == TABLE
    assert seen == [f"Basic {b64encode(b'user:p@ss').decode()}", None]


@pytest.mark.parametrize("text", [costing(input=-5.0), offered(match=[{"regex": "("}]), offered(prices=[])])
def test_calls_are_counted_and_priced_while_a_bad_table_is_offered(text: str, file: Path) -> None:
    file.write_text(text)
    before = guard.failures().get("prices.refresh", 0)
    with Emulator() as emulator, observed(prices_refresh=str(file), prices_refresh_seconds=1) as telemetry:
        until(lambda: telemetry.value(catalog.INTERNAL_ERRORS, site="prices.refresh") > before)
        client = openai.OpenAI(base_url=f"{emulator.url}/v1", api_key="k", max_retries=0)
        for _ in range(3):
            client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hi"}])
        client.close()
        assert telemetry.value(catalog.CALLS, outcome="success") == 3
        assert telemetry.value(catalog.COST) > 0.0
        assert telemetry.value(catalog.UNPRICED) == 0
        assert telemetry.value(catalog.PRICES_TIME) == packaged().time
        telemetry.forgive()


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
