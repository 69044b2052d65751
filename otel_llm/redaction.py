"""URLs as they may be told: in spans, in logs."""

from __future__ import annotations

import re
from typing import Final

SAID: Final = frozenset({"alt", "api-version", "beta"})
"""Query parameters whose values stay: they choose the API. All other values go; Gemini keys travel as ``?key=``."""
PARAMETER: Final = re.compile(r"([?&])([^=&#]*)=([^&#]*)")
USER: Final = re.compile(r"(://)[^/@?#]*@")
REDACTED: Final = "REDACTED"


def redact(url: str) -> str:
    """The URL without user and password, and without the values of its query parameters."""
    bare = USER.sub(rf"\1{REDACTED}@", url)
    return PARAMETER.sub(lambda p: p[0] if p[2] in SAID else f"{p[1]}{p[2]}={REDACTED}", bare)
