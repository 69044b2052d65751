"""Keeps a price table current from a file or a URL, in a background thread. Off unless started; no other part of the
package reaches out to a network."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from otel_llm.prices.pricing import PriceTable
from otel_llm.prices.table import Table, decode

MAX_BYTES = 32 * 1024 * 1024
TIMEOUT = 30.0
"""Seconds without an answer or without new bytes."""

_LOG = logging.getLogger(__name__)


def fetch(source: str) -> Table:
    """Reads a table, of the shape of ``prices.json``, from an http(s) URL or a path.

    Raises ``OSError`` if it cannot be read and ``ValueError`` if it is no table or larger than :data:`MAX_BYTES`.
    """
    if source.startswith(("http://", "https://")):
        import urllib.request  # here, since it takes 30 ms that an app without a refresh need not pay

        with urllib.request.urlopen(source, timeout=TIMEOUT) as answer:
            data: bytes = answer.read(MAX_BYTES + 1)
    else:
        with Path(source).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"{source}: larger than {MAX_BYTES} bytes: this is no price table")
    return decode(data)


class Refresh:
    """Reads the source at once and then every ``interval`` seconds, and puts each good table in the place of the last.

    A source that fails leaves the last good table in use; ``on_error`` gets the exception (counting it is the
    caller's), and the first failure of a row of failures is logged. The thread is a daemon; after ``fork`` the child
    needs one of its own: :meth:`renew`.
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
        self._thread = self._made()

    def start(self) -> None:
        """Starts the thread; call it once."""
        self._thread.start()

    def renew(self) -> None:
        """In a forked child: a thread of its own, which reads the source at once."""
        self._stopped = threading.Event()
        self._thread = self._made()
        self._thread.start()

    def stop(self, timeout: float | None = 1.0) -> None:
        """Ends the thread and waits for it up to ``timeout`` seconds (a running download is not cut off)."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _made(self) -> threading.Thread:
        return threading.Thread(target=self._run, name="otel-llm-prices", daemon=True)

    def _run(self) -> None:
        while True:
            self._once()
            if self._stopped.wait(self._interval):
                return

    def _once(self) -> None:
        try:
            self._prices.replace(fetch(self._source))
            self._failing = False
        except Exception as error:
            if not self._failing:
                _LOG.warning("prices stay those of %s: %s: %s", self._prices.table.date, self._source, error)
            self._failing = True
            if self._on_error is not None:
                self._on_error(error)
