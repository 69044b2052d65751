"""Keeps a price table current from a file or a URL, in a background thread. Off unless started; no other part of the
package reaches out to a network."""

from __future__ import annotations

import logging
import threading
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path
from random import SystemRandom
from urllib.parse import unquote, urlsplit

from opentelemetry.instrumentation.utils import suppress_instrumentation

from otel_llm.prices.pricing import PriceTable
from otel_llm.prices.soundness import decode
from otel_llm.prices.table import Table
from otel_llm.redaction import redact

MAX_BYTES = 32 * 1024 * 1024
TIMEOUT = 30.0
"""Seconds without an answer or without new bytes."""
SPREAD = 0.1
"""Each wait is longer or shorter than the interval by up to this share, so that a fleet does not read in step."""
FORK_SPREAD = 5.0
"""Seconds within which workers that were forked together read for the first time."""

_LOG = logging.getLogger(__name__)
# Not the module random: the app may have seeded that one, and forked workers would draw the same numbers.
_RANDOM = SystemRandom()


def fetch(source: str) -> Table:
    """Reads a table, of the shape of ``prices.json``, from an http(s) URL (user and password in it are sent as basic
    authentication) or a path. Gives no span, whatever the app instruments.

    Raises ``OSError`` if it cannot be read and ``ValueError`` if it is larger than :data:`MAX_BYTES` or no table that
    can price (:func:`otel_llm.prices.soundness.check`).
    """
    if source.lower().startswith(("http://", "https://")):
        data = _download(source)
    elif "://" in source:
        raise ValueError(f"{redact(source)}: neither http nor https: give such a URL, or a path")
    else:
        with Path(source).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"{redact(source)}: larger than {MAX_BYTES} bytes: this is no price table")
    return decode(data)


def _download(url: str) -> bytes:
    import urllib.request  # here, since it takes 30 ms that an app without a refresh need not pay

    parts = urlsplit(url)
    user, _, place = parts.netloc.rpartition("@")
    request = urllib.request.Request(parts._replace(netloc=place, fragment="").geturl())
    if user:  # urllib takes it for a part of the host's name
        request.add_unredirected_header("Authorization", f"Basic {b64encode(unquote(user).encode()).decode()}")
    with suppress_instrumentation(), urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        data: bytes = answer.read(MAX_BYTES + 1)
    return data


class Refresh:
    """Reads the source at once and then about every ``interval`` seconds, and puts each good table in the place of the
    last, unless it is older: a mirror that is behind does not undo an upgrade of the package. That is logged, once for
    each such date.

    A source that fails leaves the last good table in use; ``on_error`` gets the exception (counting it is the
    caller's), and the first failure of a row of failures is logged. Neither a log nor an ``on_error`` that raises ends
    the thread. It is a daemon; after ``fork`` the child needs one of its own: :meth:`renew`.
    """

    def __init__(
        self,
        prices: PriceTable,
        source: str,
        *,
        interval: float = 3600.0,
        on_error: Callable[[Exception], None] | None = None,
    ) -> None:
        if interval <= 0:
            raise ValueError(f"interval of the price refresh is {interval}: give seconds above 0")
        self._prices, self._source, self._interval, self._on_error = prices, source, interval, on_error
        self._stopped = threading.Event()
        self._failing = False
        self._kept: date | None = None
        """Date of the older table that was told of last."""
        self._thread = self._made(0.0)

    def start(self) -> None:
        """Starts the thread; call it once."""
        self._thread.start()

    def renew(self) -> None:
        """In a forked child: a thread of its own, which reads the source within :data:`FORK_SPREAD` seconds."""
        self._stopped = threading.Event()
        self._thread = self._made(min(FORK_SPREAD, self._interval))
        self._thread.start()

    def stop(self, timeout: float | None = 1.0) -> None:
        """Ends the thread and waits for it up to ``timeout`` seconds (a running download is not cut off)."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _made(self, spread: float) -> threading.Thread:
        return threading.Thread(target=self._run, args=(self._stopped, spread), name="otel-llm-prices", daemon=True)

    def _run(self, stopped: threading.Event, spread: float) -> None:
        wait = _RANDOM.uniform(0.0, spread)
        while not stopped.wait(wait):
            self._once()
            wait = self._interval * _RANDOM.uniform(1.0 - SPREAD, 1.0 + SPREAD)

    def _once(self) -> None:
        try:
            self._offer(fetch(self._source))
            self._failing = False
        except Exception as error:
            self._failed(error)

    def _offer(self, table: Table) -> None:
        used = self._prices.table.date
        if table.date >= used:
            self._prices.replace(table)
        elif table.date != self._kept:
            self._kept = table.date
            self._say(f"the table is of {table.date}, which is older")

    def _failed(self, error: Exception) -> None:
        if self._on_error is not None:
            with suppress(Exception):
                self._on_error(error)
        if not self._failing:
            self._failing = True
            self._say(redact(str(error)))

    def _say(self, why: str) -> None:
        with suppress(Exception):  # the app's logging is broken: there is nobody left to tell
            _LOG.warning("prices stay those of %s: %s: %s", self._prices.table.date, redact(self._source), why)
