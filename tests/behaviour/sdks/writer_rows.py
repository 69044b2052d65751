from __future__ import annotations

import writerai

from tests.behaviour.row import ASK, KEY, Row

CHAT = {"model": "palmyra-x5", "messages": ASK}
OPTIONS = {"api_key": KEY, "timeout": 5, "max_retries": 2}  # of which writer-sdk 3 has 7 by default
USAGE = {"stream": True, "stream_options": {"include_usage": True}}

ROWS = (
    Row(
        name="writer-sdk-chat",
        client="writer-sdk",
        provider="writer",
        model="palmyra-x5",
        sync=lambda url: writerai.Writer(base_url=url + "/writer", **OPTIONS),
        asynchronous=lambda url: writerai.AsyncWriter(base_url=url + "/writer", **OPTIONS),
        plain=lambda c: c.chat.chat(**CHAT),
        stream=lambda c: c.chat.chat(**CHAT, **USAGE),
        raw=lambda c: c.chat.with_raw_response.chat(**CHAT),
        streaming=lambda c: c.chat.with_streaming_response.chat(**CHAT),
    ),
)
