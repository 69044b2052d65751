"""Canaries, and the search for them in everything that telemetry gives out.

A canary is a random string. Each place that could leak gets its own, so that a failure says which one leaked.
"""

from __future__ import annotations

import gc
import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from otel_llm.demo.emulator import Reply
from tests.telemetry import LOGGERS, Telemetry, observed

PLACES = (
    "prompt", "system", "completion", "arguments", "tool", "header", "key", "organisation", "project", "parameter",
    "user", "metadata", "error", "password", "schema", "answer_header", "image",
)  # fmt: skip


class Canaries:
    """One random word for each place."""

    def __init__(self) -> None:
        self.words = {place: f"canary{uuid.uuid4().hex}" for place in PLACES}

    def __getattr__(self, place: str) -> str:
        return self.words[place]

    def found(self, text: str) -> list[str]:
        """Places whose canary stands in the text."""
        return [place for place, word in self.words.items() if word in text]

    def good(self, **fields: Any) -> Reply:
        """An answer that carries them."""
        return Reply.chat(f"{self.completion} and more words", headers={"x-own": self.answer_header}, **fields)

    def bad(self, fault: Any = "bad_request", **fields: Any) -> Reply:
        """An error whose words quote what was sent, as providers do."""
        said = f"{self.error}: {self.prompt} with key {self.key} of {self.organisation}"
        return Reply.error(fault, message=said, headers={"x-own": self.answer_header}, **fields)


class Everything(logging.Handler):
    """Keeps all that is logged, formatted as an error tracker sees it: with the variables of each frame."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(f"{record.getMessage()} {record.__dict__}")
        trace = record.exc_info[2] if record.exc_info else None
        while trace is not None:
            self.texts.append(repr(trace.tb_frame.f_locals))
            trace = trace.tb_next


@contextmanager
def listening() -> Iterator[Everything]:
    """Hears what our loggers and OpenTelemetry's say, down to the finest level."""
    handler = Everything()
    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    for name in LOGGERS:
        logging.getLogger(name).addHandler(handler)
        logging.getLogger(name).setLevel(logging.DEBUG)
    try:
        yield handler
    finally:
        for name, level in levels.items():
            logging.getLogger(name).removeHandler(handler)
            logging.getLogger(name).setLevel(level)


class Search:
    """Where telemetry comes out: spans, metrics, exemplars, events, logs, files."""

    def __init__(
        self, telemetry: Telemetry, reader: InMemoryMetricReader, events: InMemoryLogRecordExporter, heard: Everything,
        folder: Path,
    ) -> None:  # fmt: skip
        self.telemetry = telemetry
        self._reader = reader
        self._events = events
        self._heard = heard
        self._folder = folder

    def spans(self) -> str:
        """Every span as a file exporter writes it, the HTTP instrumentation's and the SDKs' own included."""
        return "\n".join(span.to_json() for span in self.telemetry.finished())

    def files(self) -> str:
        """All that stands in the directory that worker processes share."""
        return "".join(path.read_bytes().decode("latin-1") for path in self._folder.rglob("*") if path.is_file())

    def leaks(self, words: Canaries, **more: str) -> dict[str, list[str]]:
        """Places whose canary was found, by where; ``more`` are other texts to look at."""
        gc.collect()
        texts = {
            "spans": self.spans(),
            "text": generate_latest(REGISTRY).decode(),
            "openmetrics": generate_openmetrics(REGISTRY).decode(),
            "metrics": str(self._reader.get_metrics_data()),
            "events": str(self._events.get_finished_logs()),
            "logs": "\n".join(self._heard.texts),
            "files": self.files(),
            **more,
        }
        return {where: found for where, text in texts.items() if (found := words.found(text))}


@contextmanager
def searched(folder: Path, heard: Everything, **settings: Any) -> Iterator[Search]:
    """Instruments an app that has everything that a canary could come out of."""
    reader, events = InMemoryMetricReader(), InMemoryLogRecordExporter()
    meters, logs = MeterProvider([reader], shutdown_on_exit=False), LoggerProvider(shutdown_on_exit=False)
    logs.add_log_record_processor(SimpleLogRecordProcessor(events))
    chosen = {"scrape": "on", "prefork_dir": str(folder), **settings}
    with observed(meter_provider=meters, logger_provider=logs, **chosen) as telemetry:
        yield Search(telemetry, reader, events, heard, folder)
