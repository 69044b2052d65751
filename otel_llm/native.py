"""Other people's telemetry on the same call: never two spans and never two counts."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, Final
from weakref import WeakKeyDictionary

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from otel_llm import runtime
from otel_llm.guard import guarded
from otel_llm.patching import Patches
from otel_llm.settings import Settings

OBSERVED_KEY: Final = "opentelemetry.genai.client.inference.context"
"""Context key that opentelemetry-util-genai 1.3b0 sets while an official GenAI instrumentation observes the call."""
OBSERVERS: Final = frozenset(
    {
        "opentelemetry.instrumentation.openai_v2",
        "opentelemetry.instrumentation.openai.v1",
        "openinference.instrumentation.openai",
    }
)
"""Scopes of instrumentations that make a span of each call of an SDK, and say so by nothing else."""
_tracers: Final[WeakKeyDictionary[Any, Any]] = WeakKeyDictionary()
"""Tracers that clients had, or were yet to have, before they were silenced."""


def suppressed() -> bool:
    """True if the current context says that this call is observed elsewhere, or not to be observed (instrumentations
    and exporters say so by ``suppress_instrumentation``, under two keys)."""
    current = context.get_current()
    return bool(current) and (
        bool(current.get(OBSERVED_KEY)) or not is_instrumentation_enabled() or _scope_of(current) in OBSERVERS
    )


def _scope_of(current: Context) -> str | None:
    """Scope of the span that is current."""
    scope = getattr(trace.get_current_span(current), "instrumentation_scope", None)
    return None if scope is None else scope.name


def silence(client: Any, settings: Settings) -> None:
    """Switches off the span that the SDK would make of itself for this client, unless the settings keep it.

    anthropic 1.14 to 2.12 keep their tracer in ``_lazy_tracer``, where ``None`` means that there is none.
    """
    if settings.native_spans == "suppress" and getattr(client, "_lazy_tracer", None) is not None:
        _tracers[client] = client._lazy_tracer
        client._lazy_tracer = None


@guarded("native.restore")
def restore() -> None:
    """Gives every client that was silenced its tracer back."""
    for client in _tracers.keyrefs():
        silenced = client()
        if silenced is not None and silenced._lazy_tracer is None:
            silenced._lazy_tracer = _tracers[silenced]
    _tracers.clear()


def silence_mistral(module: ModuleType, patches: Patches) -> None:
    """mistralai decides at each request whether it traces; 1.12 does so by itself as soon as the app has a provider.

    A provider that the user gave to mistralai itself goes elsewhere and stays in use. Facts: mistralai 1.12 to 3.7.
    """
    patches.wrap(module, "get_or_create_otel_tracer", _mistral_tracer)


def _mistral_tracer(wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    made = wrapped(*args, **kwargs)
    given = args[0] if args else kwargs.get("provider")
    return (_untraced(made) or made) if given is None else made


@guarded("native.mistral")
def _untraced(made: tuple[bool, Any]) -> tuple[bool, Any] | None:
    """What mistralai made of its settings, whether it traces and by which tracer, with a no."""
    active = runtime.current()
    if active is None or active.settings.native_spans != "suppress":
        return None
    _, tracer = made
    return False, tracer


MODULES: Final = {
    "mistralai._hooks.tracing": silence_mistral,  # 1.x
    "mistralai.client._hooks.tracing": silence_mistral,
}
"""Modules of SDKs' own tracing that have to be patched to be silent."""
