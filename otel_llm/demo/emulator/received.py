"""A request as it came in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal
from urllib.parse import unquote

import msgspec

CALL_HEADER: Final = "x-demo-call"
"""Optional request header that ties the attempts of one call together; the driver sends it."""
FEATURE_HEADER: Final = "x-demo-feature"
"""Optional request header: what the app attributes the call to under :data:`FEATURE_KEY`; the driver sends it."""
FEATURE_KEY: Final = "feature"
_RETRY_HEADER: Final = "x-stainless-retry-count"
_MODEL_IN_PATH: Final = re.compile(r"/(?:deployments|models?)/([^/]+?)(?::(?:raw|stream)\w+)?(?:/|$)", re.ASCII)

Ended = Literal["open", "sent", "broken", "left"]
"""``sent``: the whole reply went out; ``broken``: cut as planned; ``left``: the client closed before the end."""


class Received(msgspec.Struct, kw_only=True, eq=False):
    """One HTTP request."""

    number: int
    """Order of arrival, from 0."""
    method: str
    path: str
    """Without the mode prefix and the query."""
    query: str = ""
    mode: str = ""
    """The mode prefix without ``/@``, or empty."""
    headers: Mapping[str, str]
    """Names in lower case."""
    raw: bytes = b""
    body: Mapping[str, Any] = {}
    """The JSON object of the body; empty for other bodies."""
    ended: Ended = "open"

    @property
    def model(self) -> str:
        """Model that was asked for, from the body or else from the path (Azure, Bedrock, Vertex); may be empty."""
        model = self.body.get("model")
        if isinstance(model, str):
            return model
        found = _MODEL_IN_PATH.search(self.path)
        return unquote(found[1]) if found else ""

    @property
    def streams(self) -> bool:
        return self.body.get("stream") is True or "stream" in self.path.rsplit("/", 1)[-1].lower()

    @property
    def retry(self) -> int:
        """Number of this attempt in its call, from 0, as Stainless SDKs state it."""
        count = self.headers.get(_RETRY_HEADER, "0")
        return int(count) if count.isdecimal() else 0

    @property
    def choices(self) -> int:
        count = self.body.get("n")
        return count if isinstance(count, int) and 0 < count <= 128 else 1
