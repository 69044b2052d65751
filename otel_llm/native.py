"""Other people's telemetry on the same call: never two spans and never two counts."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

from opentelemetry import context

from otel_llm import runtime
from otel_llm.patching import Patches
from otel_llm.settings import Settings

SUPPRESS_KEYS: Final = ("suppress_instrumentation", "opentelemetry.genai.client.inference.context")
"""Context keys under which a call is none of ours: the SDK's own (exporters set it), and the one that
opentelemetry-util-genai 1.3b0 sets while an official GenAI instrumentation observes the call."""


def suppressed() -> bool:
    """True if the current context says that this call is observed elsewhere, or not to be observed."""
    current = context.get_current()
    return bool(current) and any(current.get(key) for key in SUPPRESS_KEYS)


def silence(client: Any, settings: Settings) -> None:
    """Switches off the span that the SDK would make of itself for this client, unless the settings keep it.

    anthropic 1.14 to 2.12 keep their tracer in ``_lazy_tracer``, where ``None`` means that there is none.
    """
    if settings.native_spans == "suppress" and getattr(client, "_lazy_tracer", None) is not None:
        client._lazy_tracer = None


def silence_mistral(module: ModuleType, patches: Patches) -> None:
    """mistralai decides at each request whether it traces; 1.12 does so by itself as soon as the app has a provider.

    A provider that the user gave to mistralai itself goes elsewhere and stays in use. Facts: mistralai 1.12 to 3.7.
    """
    patches.wrap(module, "get_or_create_otel_tracer", _mistral_tracer)


def _mistral_tracer(wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    enabled, tracer = wrapped(*args, **kwargs)
    active = runtime.current()
    given = args[0] if args else kwargs.get("provider")
    if active is not None and given is None and active.settings.native_spans == "suppress":
        enabled = False
    return enabled, tracer


MODULES: Final = {
    "mistralai._hooks.tracing": silence_mistral,  # 1.x
    "mistralai.client._hooks.tracing": silence_mistral,
}
"""Modules of SDKs' own tracing that have to be patched to be silent."""
