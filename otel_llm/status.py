"""What is instrumented in this process, where its signals go, and what went wrong: for people and for health checks."""

from __future__ import annotations

import msgspec

from otel_llm import guard, instrumentor, opening, runtime
from otel_llm.patching import Hook, version_of
from otel_llm.seams import CLIENT_HOOKS, WIRE_HOOKS
from otel_llm.version import __version__

NOWHERE = "nowhere: not instrumented"


class ClientStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One SDK or HTTP library."""

    package: str
    """Distribution."""
    version: str | None
    """Installed version, ``None`` if it is not installed."""
    imported: bool
    """Whether the app has imported it: it is patched then."""
    patched: bool
    calls: int
    """Calls since the process began. HTTP libraries have none of their own: see ``Status.raw_calls``."""
    problem: str | None
    """Why it could not be patched, and what to do."""
    last_error: str | None
    """Place and type of our last own error in one of its calls. What is nobody's is in ``Status.last_error``."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    """Of otel-llm."""
    instrumented: bool
    enabled: bool
    """False while :func:`otel_llm.disable` holds."""
    clients: list[ClientStatus]
    libraries: list[ClientStatus]
    """HTTP libraries."""
    raw_calls: int
    """Calls that no client seam saw, but an HTTP library's."""
    spans: str
    """Where spans go, in words."""
    metrics: str
    """Where metrics go, in words."""
    endpoint: str | None
    """URL of our scrape endpoint, ``None`` if this process serves none."""
    internal_errors: dict[str, int]
    """Our own errors by place, since the process began; empty is good."""
    last_error: str | None
    """Place and type of the last of them."""


def status() -> Status:
    """The state of this process now. It changes nothing and imports no SDK."""
    made = instrumentor.installed()
    active = runtime.current() is not None
    spans, metrics = made.pipeline.destinations() if made else (NOWHERE, NOWHERE)
    served = made.exposure.endpoint if made else None
    return Status(
        version=__version__,
        instrumented=made is not None,
        enabled=active,
        clients=_rows(CLIENT_HOOKS, active),
        libraries=_rows(WIRE_HOOKS, active),
        raw_calls=opening.SEEN[opening.RAW],
        spans=spans,
        metrics=metrics,
        endpoint=served.url if served else None,
        internal_errors={site: count for site, count in guard.failures().items() if count},
        last_error=guard.last_error(),
    )


def _rows(hooks: list[Hook], active: bool) -> list[ClientStatus]:
    """A row per package: its modules are patched each for itself."""
    packages: dict[str, list[Hook]] = {}
    for hook in hooks:
        packages.setdefault(hook.package, []).append(hook)
    return [_row(package, found, active) for package, found in packages.items()]


def _row(package: str, hooks: list[Hook], active: bool) -> ClientStatus:
    imported = [hook for hook in hooks if hook.imported]
    return ClientStatus(
        package=package,
        version=version_of(package),
        imported=bool(imported),
        patched=active and bool(imported) and all(hook.patched for hook in imported),
        calls=opening.SEEN[package],
        problem=next((hook.problem for hook in hooks if hook.problem), None),
        last_error=guard.last_error(package),
    )
