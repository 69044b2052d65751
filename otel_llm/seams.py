"""Every module that is patched: clients, HTTP libraries, SDKs' own tracing, servers, HTTP spans."""

from __future__ import annotations

from typing import Final

from otel_llm import native
from otel_llm.clients.table import CLIENTS
from otel_llm.patching import Hook
from otel_llm.prefork import servers
from otel_llm.wires import redaction
from otel_llm.wires.table import WIRES

CLIENT_HOOKS: Final = [Hook(row.module, row.patch, row.package) for row in CLIENTS]
WIRE_HOOKS: Final = [Hook(module, patch, module.partition(".")[0]) for module, patch in WIRES.items()]
NATIVE_HOOKS: Final = [Hook(module, patch, module.partition(".")[0]) for module, patch in native.MODULES.items()]
SERVER_HOOKS: Final = [
    Hook("uvicorn.server", servers.patch, "uvicorn"),
    Hook("billiard.pool", servers.patch_pool, "billiard"),
]
SPAN_HOOKS: Final = [Hook("opentelemetry.util.http", redaction.patch, "opentelemetry-util-http")]
HOOKS: Final = CLIENT_HOOKS + WIRE_HOOKS + NATIVE_HOOKS + SERVER_HOOKS + SPAN_HOOKS
