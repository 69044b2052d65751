"""Wire seam of botocore: ``URLLib3Session.send``, one HTTP exchange each, beneath botocore's retries.

It only joins the call of the client seam: other AWS traffic is none of ours. Facts: botocore 1.35 to 1.44.
"""

from __future__ import annotations

from types import ModuleType
from typing import Final

from otel_llm.patching import Patches
from otel_llm.wires import urllib3_tee
from otel_llm.wires.prepared import PreparedRequests

BOTOCORE: Final = PreparedRequests(decoded=False, unread=None, joins=True)


def patch(module: ModuleType, patches: Patches) -> None:
    """Wraps ``URLLib3Session.send`` of ``botocore.httpsession``."""
    patches.wrap(module.URLLib3Session, "send", BOTOCORE.send)
    urllib3_tee.patch(patches)
