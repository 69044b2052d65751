"""Other people's telemetry on the same call: never two spans and never two counts."""

from __future__ import annotations

from typing import Any, Final

from opentelemetry import context

from otel_llm.settings import Settings

SUPPRESS_KEYS: Final = ("suppress_instrumentation", "opentelemetry.genai.client.inference.context")
"""Context keys under which a call is none of ours: the SDK's own (exporters set it), and the one that
opentelemetry-util-genai 1.3b0 sets while an official GenAI instrumentation observes the call."""


def suppressed() -> bool:
    """True if the current context says that this call is observed elsewhere, or not to be observed."""
    return any(context.get_value(key) for key in SUPPRESS_KEYS)


def silence(client: Any, settings: Settings) -> None:
    """Switches off the span that the SDK would make of itself for this client, unless the settings keep it.

    anthropic 1.14 to 2.12 keep their tracer in ``_lazy_tracer``, where ``None`` means that there is none.
    """
    if settings.native_spans == "suppress" and getattr(client, "_lazy_tracer", None) is not None:
        client._lazy_tracer = None
