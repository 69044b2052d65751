"""Client seam of cohere: ``request`` and ``stream`` of its HTTP client, for v1 and v2 and the AWS clients.

``request`` calls itself for each retry; the inner ones find the outer call and stand aside. ``stream`` is a context
manager, entered at the first ``next`` of the generator that the user has. Facts: cohere 5.21, 6.1 and 7.3.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, Final

import msgspec

from otel_llm import opening
from otel_llm.call import Call
from otel_llm.clients import seam
from otel_llm.formats.reading import mapping
from otel_llm.formats.table import recognise
from otel_llm.guard import guarded
from otel_llm.patching import Patches
from otel_llm.providers import provider_of
from otel_llm.wires.address import address

AWS: Final = "aws.bedrock"


class Cohere(msgspec.Struct, frozen=True, kw_only=True):
    package: str = "cohere"
    module: str = "cohere.core.http_client"

    def patch(self, module: ModuleType, patches: Patches) -> None:
        """Wraps both HTTP clients."""
        patches.wrap(module.HttpClient, "request", seam.plain(open_call))
        patches.wrap(module.HttpClient, "stream", seam.entered(open_call))
        patches.wrap(module.AsyncHttpClient, "request", seam.coroutine(open_call))
        patches.wrap(module.AsyncHttpClient, "stream", seam.entered(open_call))


@guarded("client.open")
def open_call(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
    """The call of ``request(path, *, method, base_url, json, ...)``, or ``None``."""
    active = seam.admitted()
    if active is None or kwargs.get("method", "").upper() != "POST":
        return None
    path = str((args[0] if args else kwargs.get("path")) or "")
    where = address(client.get_base_url(kwargs.get("base_url")))
    found = recognise(f"{where.path.rstrip('/')}/{path.lstrip('/')}", provider_of(where.host))
    if found is None:
        return None
    if _on_aws(client):  # event hooks rewrite URL and body when it is sent; where it goes, the wire seam tells
        return opening.open_call(active, found, mapping(kwargs.get("json")), client="cohere", provider=AWS, host=None)
    return opening.open_call(
        active, found, mapping(kwargs.get("json")), client="cohere", provider="cohere", host=where.host, port=where.port
    )


def _on_aws(client: Any) -> bool:
    """Whether this is the HTTP client of ``BedrockClient`` or ``SagemakerClient``, which nothing else tells."""
    hooks = client.httpx_client.event_hooks.get("request", ())
    return any(hook.__module__ == "cohere.aws_client" for hook in hooks)
