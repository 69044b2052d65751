"""Secrets on the HTTP spans of LLM calls, whoever makes them: our ``http_spans``, or the app's own instrumentation.

OpenTelemetry's HTTP instrumentations clean what they put on a span by two functions of ``opentelemetry.util.http``,
looked up at each request. Wrapped, they do more for a request of an LLM call, and what they did for all other traffic.
Facts: opentelemetry-util-http 0.66b2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Final

from otel_llm.call import CURRENT
from otel_llm.formats.table import recognise
from otel_llm.guard import guarded
from otel_llm.patching import Patches
from otel_llm.providers import provider_of
from otel_llm.redaction import REDACTED, redact
from otel_llm.wires.address import address

URL_ATTRIBUTES: Final = ("url.full", "http.url", "url.query", "http.target")
SECRET: Final = re.compile(r"auth|key|token|cookie|secret|organization|project|user")
"""In the name of a header whose value goes."""
HEADER_ATTRIBUTE: Final = "http.request.header."
"""The instrumentations put request headers on their spans where the environment lists them by name or pattern."""


def clean(attributes: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Attributes of an HTTP span without secrets."""
    if attributes is None:
        return None
    found = dict(attributes)
    for key, value in attributes.items():
        if key in URL_ATTRIBUTES:
            found[key] = redact(f"?{value}")[1:] if key == "url.query" else redact(str(value))
        elif key.startswith(HEADER_ATTRIBUTE) and SECRET.search(key.lower(), len(HEADER_ATTRIBUTE)):
            found[key] = [REDACTED]
    return found


def patch(module: ModuleType, patches: Patches) -> None:
    """Wraps both functions of ``opentelemetry.util.http``."""
    patches.wrap(module, "redact_query_parameters", _url)
    patches.wrap(module.SanitizeValue, "sanitize_header_value", _header)


def _url(wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    found = wrapped(*args, **kwargs)
    return redact(found) if isinstance(found, str) and (_sending() or _recognised(found)) else found


def _header(wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``sanitize_header_value(header, value)``."""
    found = wrapped(*args, **kwargs)
    name = args[0] if args else kwargs.get("header")
    return REDACTED if _sending() and isinstance(name, str) and SECRET.search(name.lower()) else found


def _sending() -> bool:
    """True while a request of a call is on its way in this context."""
    call = CURRENT.get()
    return call is not None and call.sending


@guarded("http_spans.recognise")
def _recognised(url: str) -> bool:
    """A call that no seam has opened yet: an instrumentation that wraps what we wrap (``requests.Session.send``), and
    came after us, asks first."""
    if "?" not in url:
        return False
    where = address(url)
    provider = provider_of(where.host)
    return provider is not None and recognise(where.path, provider) is not None
