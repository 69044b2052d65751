from __future__ import annotations

import writerai

from tests.behaviour.row import ASK, KEY, Row

CHAT = {"model": "palmyra-x5", "messages": ASK}
USAGE = {"stream": True, "stream_options": {"include_usage": True}}

ROWS = (
    Row(
        name="writer-sdk-chat",
        client="writer-sdk",
        provider="writer",
        model="palmyra-x5",
        sync=lambda url: writerai.Writer(base_url=url + "/writer", api_key=KEY, timeout=5),
        asynchronous=lambda url: writerai.AsyncWriter(base_url=url + "/writer", api_key=KEY, timeout=5),
        plain=lambda c: c.chat.chat(**CHAT),
        stream=lambda c: c.chat.chat(**CHAT, **USAGE),
        raw=lambda c: c.chat.with_raw_response.chat(**CHAT),
        streaming=lambda c: c.chat.with_streaming_response.chat(**CHAT),
    ),
)
