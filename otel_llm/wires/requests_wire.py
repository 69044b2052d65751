"""Wire seam of requests: ``Session.send``, the one way of every request, redirects included.

Besides raw requests it carries azure-core, google-auth's ``AuthorizedSession`` (google-genai with mutual TLS),
huggingface_hub 0.x, voyageai and dashscope. Facts: requests 2.34.
"""

from __future__ import annotations

from types import ModuleType
from typing import Final

from otel_llm.patching import Patches
from otel_llm.wires import urllib3_tee
from otel_llm.wires.prepared import PreparedRequests

REQUESTS: Final = PreparedRequests(decoded=True, unread=False)


def patch(module: ModuleType, patches: Patches) -> None:
    """Wraps ``Session.send`` of ``requests.sessions``."""
    patches.wrap(module.Session, "send", REQUESTS.send)
    urllib3_tee.patch(patches)
