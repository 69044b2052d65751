"""Bodies that a client may get: what providers send, what they should not send, and what nobody should."""

from __future__ import annotations

import json

from tests.content.rows import AWS, JSON, LINES, ROWS, SSE

__all__ = ["AWS", "CHUNK", "CORPUS", "DELTA", "DONE", "FORMATS", "JSON", "LINES", "SSE", "START"]

CHAT = b'{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"hi"}}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}'  # noqa: E501
CHUNK = b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":null}]}\n\n'  # noqa: E501
DONE = b"data: [DONE]\n\n"
RESPONSE = b'{"id":"r","object":"response","created_at":1,"model":"m","status":"completed","output":[{"type":"message","id":"i","role":"assistant","status":"completed","content":[{"type":"output_text","text":"hi","annotations":[]}]}],"usage":{"input_tokens":1,"output_tokens":2}}'  # noqa: E501
MESSAGE = b'{"id":"m","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":2}}'  # noqa: E501
START = b'event: message_start\ndata: {"type":"message_start","message":' + MESSAGE + b"}\n\n"
BLOCK = b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n'  # noqa: E501
DELTA = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi"}}\n\n'  # noqa: E501
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
GOOD = (CHAT, RESPONSE, MESSAGE, CHUNK * 3 + DONE, START + BLOCK + DELTA + STOP)

CORPUS: tuple[bytes, ...] = (
    *GOOD, b"", b"null", b"[]", b'"text"', b"0", b"{}", b"{", b"\xff\xfe", b"\xef\xbb\xbf{}", b"\x00" * 9, b"NaN",
    b'{"error":null}', b'{"error":"text"}', b'{"error":{"code":[],"type":{},"message":7}}', b'{"choices":null}',
    b'{"choices":{}}', b'{"choices":[null,1,"x",{"message":[]},{"delta":null,"index":"a"}]}', b'{"usage":[]}',
    b'{"id":"c","choices":[],"usage":{"prompt_tokens":"many","completion_tokens":-1,"total_tokens":1e400}}',
    b'{"usage":{"input_tokens":99999999999999999999999999,"output_tokens":null}}', b'{"model":"\\ud800"}',
    b"[" * 5000, b'{"a":' * 3000, b"data: \n\n", b"data:\n\ndata: [DONE]", b": comment\n\n", b"data: {\n\n" + DONE,
    b"data: null\n\ndata: []\n\n" + DONE, CHUNK.replace(b"\n", b"\r\n") + DONE, CHUNK.replace(b"\n", b"\r"), CHUNK[:-9],
    DONE + CHUNK, b"event: error\ndata: {\"error\":{\"type\":\"overloaded_error\",\"message\":\"m\"}}\n\n", DELTA, STOP,
    START + DELTA + DELTA, START + START, b"event: ping\ndata: {}\n\n" + START, b"event: nonsense\ndata: {}\n\n",
    b'data: {"type":"response.completed","response":null}\n\n', b'data: {"type":"response.created","response":'
    + RESPONSE + b"}\n\n" + b'data: {"type":"response.output_text.delta"}\n\n', b"<html>502 Bad Gateway</html>",
    b"data: " + b"x" * 70_000 + b"\n\n", b"\n" * 4000,
)  # fmt: skip

ANSWERS = tuple(json.dumps(row.answer).encode() for row in ROWS if row.answer is not None)
STREAMS = tuple(row.stream for row in ROWS if row.stream)
FORMATS = ANSWERS + STREAMS
"""Whole answers and streams of every wire format."""
