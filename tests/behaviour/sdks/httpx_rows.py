from __future__ import annotations

import httpx

from tests.behaviour.sdks.posting import AsyncPosting, Posting, row

ROWS = (row("httpx-chat", lambda url: Posting(httpx, url), lambda url: AsyncPosting(httpx, url)),)
