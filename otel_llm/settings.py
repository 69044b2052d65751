"""Settings: keyword first, then ``OTEL_LLM_*``, then the standard ``OTEL_*`` variable, then the default.

One table drives reading, checking, the docs and ``otel-llm doctor``. A bad keyword is a mistake in the program and
raises; a bad environment value is logged with its name, its value and what is allowed, and the default is used, because
a typing error in a deployment must not stop the app.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, Literal

import msgspec

Semconv = Literal["released", "main"]
Scrape = Literal["auto", "on", "off"]
NativeSpans = Literal["suppress", "keep"]
ContentMode = Literal["no_content", "span_only", "event_only", "span_and_event"]


class SettingError(ValueError):
    """A setting that ``instrument()`` was given is unknown or has a value that is not allowed."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings with their defaults."""

    disabled: bool = False
    scrape: Scrape = "auto"
    scrape_host: str = "127.0.0.1"
    scrape_port: int = 9464
    scrape_certfile: str | None = None
    scrape_keyfile: str | None = None
    scrape_client_cafile: str | None = None
    scrape_users: str | None = None
    prefork_dir: str | None = None
    http_spans: bool = False
    native_spans: NativeSpans = "suppress"
    semconv: Semconv = "released"
    set_global: bool = False
    exit_timeout: float = 5.0
    prices: str | None = None
    prices_refresh: str | None = None
    prices_refresh_seconds: int = 86_400
    model_cap: int = 100
    budget_day: float | None = None
    budget_month: float | None = None
    duplicates: bool = True
    attribution: str = ""
    attribution_cap: int = 100
    baggage_read: str = ""
    baggage_write: str = ""
    content: ContentMode = "no_content"
    content_limit: int = 32_768


class Spec(msgspec.Struct, frozen=True):
    """How one setting is read and what it means."""

    name: str
    parse: Callable[[str], Any]
    allowed: str
    """What a value may be, in words."""
    help: str
    standard: str = ""
    """Standard ``OTEL_*`` variable that gives the value where ours is unset."""

    @property
    def variable(self) -> str:
        return f"OTEL_LLM_{self.name.upper()}"


def _boolean(text: str) -> bool:
    found = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    return found[text.lower()]


def _choice(*values: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in values:
            raise ValueError(text)
        return text.lower()

    return parse


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise ValueError(text)
        return value

    return parse


def _dollars(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError(text)
    return value


EXIT_LIMIT: Final = 30.0
"""Seconds after which OpenTelemetry's own shutdowns (SDK 1.45) give up. More is taken as this: some OpenTelemetry SDKs
read milliseconds in OTEL_EXPORTER_OTLP_TIMEOUT, where Python's reads seconds."""


def _patience(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise ValueError(text)
    return min(value, EXIT_LIMIT)


_KEY: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9_]{0,30}")
_KEYS_CAP: Final = 8


def _keys(text: str) -> str:
    found = [key.strip() for key in text.split(",") if key.strip()]
    if len(found) > _KEYS_CAP or not all(_KEY.fullmatch(key) for key in found):
        raise ValueError(text)
    return ",".join(dict.fromkeys(found))


@lru_cache(maxsize=32)
def keys(value: str) -> tuple[str, ...]:
    """The keys in the value of a setting that lists some."""
    return tuple(value.split(",")) if value else ()


def _words(text: str) -> str:
    if not text.strip():
        raise ValueError(text)
    return text


SPECS: Final = (
    Spec("disabled", _boolean, "true or false", "Observe nothing; calls pass straight through.", "OTEL_SDK_DISABLED"),
    Spec("scrape", _choice("auto", "on", "off"), "auto, on or off",
         "Our series in prometheus_client's registry, and an endpoint that serves it. auto: unless the app has a "
         "MeterProvider of its own."),
    Spec("scrape_host", _words, "a host name or address", "Where the endpoint listens.",
         "OTEL_EXPORTER_PROMETHEUS_HOST"),
    Spec("scrape_port", _whole(0, 65535), "0 to 65535 (0: a free port)", "Port of the endpoint.",
         "OTEL_EXPORTER_PROMETHEUS_PORT"),
    Spec("scrape_certfile", _words, "path of a PEM file", "Certificate of the endpoint: it speaks TLS."),
    Spec("scrape_keyfile", _words, "path of a PEM file", "Private key of the endpoint's certificate."),
    Spec("scrape_client_cafile", _words, "path of a PEM file", "Only clients with a certificate of this CA scrape."),
    Spec("scrape_users", _words, "path of a file with one user:password per line",
         "Who may scrape the endpoint, by HTTP basic authentication."),
    Spec("prefork_dir", _words, "path of a directory",
         "Where worker processes of one app share their figures, so that a scrape of any shows the sum. Unset: "
         "PROMETHEUS_MULTIPROC_DIR, else a directory in memory, chosen when workers are seen."),
    Spec("http_spans", _boolean, "true or false", "HTTP child spans of LLM calls; costs more than all the rest."),
    Spec("native_spans", _choice("suppress", "keep"), "suppress or keep",
         "Spans that an SDK makes of itself (anthropic, mistralai): suppress them, or keep them beside ours."),
    Spec("semconv", _choice("released", "main"), "released or main",
         "Names of the gen_ai metrics: as released, or as renamed on the conventions' main branch."),
    Spec("set_global", _boolean, "true or false",
         "Register the providers that we make as the global ones, so that the app's own spans are exported too."),
    Spec("exit_timeout", _patience, "seconds from 0 on; more than 30 are 30",
         "How long the end of the app may wait for the last export over OTLP.", "OTEL_EXPORTER_OTLP_TIMEOUT"),
    Spec("prices", _words, "path of a YAML or JSON file", "Price overrides; see docs of otel_llm.prices."),
    Spec("prices_refresh", _words, "path or http(s) URL of a price table, as in the package's prices.json",
         "Read the price table from there, in a background thread. Unset: nothing is fetched."),
    Spec("prices_refresh_seconds", _whole(1, 31_536_000), "1 to 31536000",
         "Seconds between two readings of prices_refresh."),
    Spec("model_cap", _whole(1, 10_000), "1 to 10000", "Different model names on metrics before 'other' is used."),
    Spec("budget_day", _dollars, "dollars above 0", "Budget per day, exported for the budget alerts."),
    Spec("budget_month", _dollars, "dollars above 0", "Budget per month, exported for the budget alerts."),
    Spec("duplicates", _boolean, "true or false", "Count calls that repeat a recent one to the letter."),
    Spec("attribution", _keys, "names separated by commas: letters, digits, '_', at most 8",
         "Keys of otel_llm.attribution() that calls, tokens and cost are counted by."),
    Spec("attribution_cap", _whole(1, 10_000), "1 to 10000", "Different values of one key before 'other' is used."),
    Spec("baggage_read", _keys, "names separated by commas, out of the setting 'attribution'",
         "Keys that are taken from W3C baggage. Only where callers are trusted: they choose the values."),
    Spec("baggage_write", _keys, "names separated by commas, out of the setting 'attribution'",
         "Keys that are put into W3C baggage. It goes with every request that the app's propagators mark."),
    Spec("content", _choice("no_content", "span_only", "event_only", "span_and_event"),
         "NO_CONTENT, SPAN_ONLY, EVENT_ONLY or SPAN_AND_EVENT (true and false are not)",
         "Capture prompts, answers and tool arguments, on spans, on events (log records), or on both.",
         "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"),
    Spec("content_limit", _whole(1, 10_000_000), "1 to 10000000",
         "Characters of content kept per call, for what was asked and for what was answered each."),
)  # fmt: skip
_BY_NAME: Final = {spec.name: spec for spec in SPECS}


class Loaded(msgspec.Struct):
    """Settings, and what was wrong with the environment, one sentence each."""

    settings: Settings
    problems: list[str]


def load(keywords: Mapping[str, object], environ: Mapping[str, str] | None = None) -> Loaded:
    """Settings from keywords and environment.

    :raises SettingError: for an unknown keyword or a keyword with a value that is not allowed.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    problems: list[str] = []
    for spec in SPECS:
        for variable in filter(None, (spec.variable, spec.standard)):
            text = environ.get(variable, "").strip()
            if text:
                _read(spec, variable, text, values, problems)
                break
    for name, value in keywords.items():
        spec = _spec(name)
        if value is not None:  # None is "not given"
            values[name] = _keyword(spec, value)
    _check_baggage(values, keywords, problems)
    return Loaded(Settings(**values), problems)


def _check_baggage(values: dict[str, Any], keywords: Mapping[str, object], problems: list[str]) -> None:
    """Only declared keys travel. A stranger is said and left out; it is misuse only where code gives both settings,
    since a variable that is missing in a deployment must not stop the app."""
    declared = keys(values.get("attribution", ""))
    for name in ("baggage_read", "baggage_write"):
        named = keys(values.get(name, ""))
        strangers = [key for key in named if key not in declared]
        if not strangers:
            continue
        by_keyword = keywords.get(name) is not None
        where = f"instrument({name}={values[name]!r})" if by_keyword else f"{_BY_NAME[name].variable}={values[name]!r}"
        said = (
            f"{', '.join(strangers)} not in the setting 'attribution' ({', '.join(declared) or 'empty'}); add it there"
        )
        if by_keyword and keywords.get("attribution") is not None:
            raise SettingError(f"{where}: {said}")
        values[name] = ",".join(key for key in named if key in declared)
        problems.append(f"{where}: {said}; {values[name] or 'no key'!r} is used")


def _read(spec: Spec, variable: str, text: str, values: dict[str, Any], problems: list[str]) -> None:
    try:
        values[spec.name] = spec.parse(text)
    except (ValueError, KeyError):
        default = getattr(Settings(), spec.name)
        problems.append(f"environment variable {variable}={text!r}: allowed is {spec.allowed}; {default!r} is used")


def _spec(name: str) -> Spec:
    spec = _BY_NAME.get(name)
    if spec is None:
        raise SettingError(f"instrument(): unknown setting {name!r}; the settings are {', '.join(sorted(_BY_NAME))}")
    return spec


def _keyword(spec: Spec, value: object) -> Any:
    try:
        parsed = spec.parse(str(value))
    except (ValueError, KeyError):
        parsed = None
    wrong_kind = spec.parse is _boolean and not isinstance(value, bool)
    if parsed is None or wrong_kind:
        raise SettingError(f"instrument({spec.name}={value!r}): allowed is {spec.allowed}")
    return parsed
