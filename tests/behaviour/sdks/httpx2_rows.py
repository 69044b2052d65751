from __future__ import annotations

import httpx2

from tests.behaviour.sdks.posting import AsyncPosting, Posting, row

ROWS = (row("httpx2-chat", lambda url: Posting(httpx2, url), lambda url: AsyncPosting(httpx2, url)),)
