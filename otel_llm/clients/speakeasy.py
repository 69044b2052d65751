"""Client seam of SDKs that Speakeasy generates: ``do_request`` of their ``BaseSDK``, sync and async.

It runs the retry loop around one prepared HTTP request. Facts: mistralai 1.12 to 3.7 (three copies of the class: own
API, Azure, Vertex AI), google-genai 2.34 to 3.6 (``interactions``).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import msgspec

from otel_llm import opening
from otel_llm.call import Call
from otel_llm.clients import seam
from otel_llm.formats.table import recognise
from otel_llm.guard import guarded
from otel_llm.patching import Patches
from otel_llm.providers import provider_of
from otel_llm.wires.recognition import json_object


class SpeakeasyClient(msgspec.Struct, frozen=True, kw_only=True):
    """One ``BaseSDK`` class: a row of the client table."""

    package: str
    """Distribution; ``client`` on our spans."""
    module: str
    """Where ``BaseSDK`` lives."""
    provider: str
    """Provider where neither host nor path tells."""
    paths: Mapping[str, str] = {}
    """Provider by what the path contains, for an SDK that speaks to two."""
    aliases: Mapping[str, str] = {}
    """The path that the API is known by, for an SDK whose own hook rewrites each request below our seam."""

    def patch(self, module: ModuleType, patches: Patches) -> None:
        """Wraps both request functions."""
        patches.wrap(module.BaseSDK, "do_request", seam.plain(self.open))
        owner = getattr(module, "AsyncBaseSDK", module.BaseSDK)  # google-genai has a class for each
        patches.wrap(owner, "do_request_async", seam.coroutine(self.open))

    @guarded("client.open")
    def open(self, _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        """The call that this request is, or ``None``."""
        active = seam.admitted()
        if active is None:
            return None
        request = args[1] if len(args) > 1 else kwargs["request"]
        if request.method != "POST":
            return None
        url = request.url
        found = recognise(self._path(url), provider_of(url.host))
        if found is None:
            return None
        stream = bool(args[3] if len(args) > 3 else kwargs.get("stream"))
        body = json_object(request.content)
        return opening.open_call(
            active, found, body, client=self.package, provider=seam.provider(self.paths, url.path, self.provider),
            host=url.host, port=url.port, stream=stream,
        )  # fmt: skip

    def _path(self, url: Any) -> str:
        sent = f"{url.path}#{url.fragment}" if url.fragment else url.path
        return self.aliases.get(sent, url.path)
