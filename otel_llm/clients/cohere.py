"""Client seam of cohere: ``request`` and ``stream`` of its HTTP client, for v1 and v2 and the AWS clients.

``request`` calls itself for each retry; the inner ones find the outer call and stand aside. ``stream`` is a context
manager, entered at the first ``next`` of the generator that the user has. Facts: cohere 5.21, 6.1 and 7.3.

Amazon's clients are the same HTTP client with an event hook that rewrites URL and body, and the answer, when it is
sent. Where it goes, the wire seam tells; who bills, the hook.
"""

from __future__ import annotations

import inspect
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

AWS: Final = {"bedrock": "aws.bedrock", "sagemaker": "aws.sagemaker"}
"""Provider by the AWS service. The conventions know no SageMaker, so that its name is ours."""


class Cohere(msgspec.Struct, frozen=True, kw_only=True):
    package: str
    """Distribution; ``client`` on our spans."""
    module: str
    """Where its HTTP client lives."""

    def patch(self, module: ModuleType, patches: Patches) -> None:
        """Wraps both HTTP clients."""
        patches.wrap(module.HttpClient, "request", seam.plain(self.open))
        patches.wrap(module.HttpClient, "stream", seam.entered(self.open))
        patches.wrap(module.AsyncHttpClient, "request", seam.coroutine(self.open))
        patches.wrap(module.AsyncHttpClient, "stream", seam.entered(self.open))

    @guarded("client.open")
    def open(self, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        """The call of ``request(path, *, method, base_url, json, ...)``, or ``None``."""
        active = seam.admitted()
        if active is None or kwargs.get("method", "").upper() != "POST":
            return None
        path = str((args[0] if args else kwargs.get("path")) or "")
        where = address(client.get_base_url(kwargs.get("base_url")))
        found = recognise(f"{where.path.rstrip('/')}/{path.lstrip('/')}", provider_of(where.host))
        if found is None:
            return None
        aws = _aws_service(client)
        return opening.open_call(
            active, found, mapping(kwargs.get("json")), client=self.package, provider=AWS[aws] if aws else "cohere",
            host=None if aws else where.host, port=None if aws else where.port,
        )  # fmt: skip


def _aws_service(client: Any) -> str | None:
    """The service of ``BedrockClient`` or ``SagemakerClient``: a variable of the hook, which nothing else tells."""
    for hook in client.httpx_client.event_hooks.get("request", ()):
        if hook.__module__ == "cohere.aws_client":
            return inspect.getclosurevars(hook).nonlocals["service"]
    return None
