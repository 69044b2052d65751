"""Anthropic messages on AWS Bedrock (InvokeModel): the model in the URL, AWS event streams, AWS errors.

Source: Bedrock API reference ("InvokeModelWithResponseStream", "Common errors") and the event stream encoding of AWS.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from otel_llm.catalog import ErrorClass
from otel_llm.demo.emulator.anthropic_messages import AnthropicMessages
from otel_llm.demo.emulator.received import Received
from otel_llm.demo.emulator.reply import Reply
from otel_llm.demo.emulator.wire import Failure

_ERRORS: Final[Mapping[ErrorClass, tuple[int, str]]] = {
    "auth": (403, "AccessDeniedException"),
    "bad_request": (400, "ValidationException"),
    "context_length": (400, "ValidationException"),
    "content_filter": (400, "ValidationException"),
    "not_found": (404, "ResourceNotFoundException"),
    "rate_limit": (429, "ThrottlingException"),
    "quota": (400, "ServiceQuotaExceededException"),
    "provider": (500, "InternalServerException"),
    "overloaded": (503, "ServiceUnavailableException"),
    "timeout": (408, "ModelTimeoutException"),
}
_STRING: Final = 7
"""Header type of the event stream encoding."""


class AnthropicBedrock(AnthropicMessages):
    stream_type = "application/vnd.amazon.eventstream"

    def frame(self, kind: str, payload: Mapping[str, Any]) -> bytes:
        chunk = msgspec.json.encode({"bytes": base64.b64encode(msgspec.json.encode(payload)).decode()})
        return message({":event-type": "chunk", ":message-type": "event"}, chunk)

    def failure(self, reply: Reply, asked: Received) -> Failure:
        status, _ = _ERRORS[reply.fails or "provider"]
        text = super().failure(reply, asked).body["error"]["message"]
        return Failure(reply.status or status, {"message": text})

    def failure_event(self, reply: Reply, asked: Received) -> bytes:
        _, name = _ERRORS[reply.fails or "provider"]
        headers = {":exception-type": name[0].lower() + name[1:], ":message-type": "exception"}
        return message(headers, msgspec.json.encode(self.failure(reply, asked).body))

    def headers(self, reply: Reply, asked: Received) -> Mapping[str, str]:
        """Request id, the error's name, and for whole answers the token counts."""
        found = {"x-amzn-requestid": f"00000000-0000-4000-8000-{asked.number:012x}"}
        if reply.fails is not None and reply.breaks == "error" and (reply.after is None or not asked.streams):
            return {**found, "x-amzn-errortype": _ERRORS.get(reply.fails, (500, "InternalServerException"))[1]}
        if reply.usage is not None and not asked.streams:
            found["x-amzn-bedrock-input-token-count"] = str(reply.usage.input)
            found["x-amzn-bedrock-output-token-count"] = str(reply.usage.output + reply.usage.reasoning)
        return found


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message of an AWS event stream: lengths, their CRC, headers, payload, CRC of it all."""
    packed = b"".join(_header(name, value) for name, value in {**headers, ":content-type": "application/json"}.items())
    lengths = struct.pack(">II", 16 + len(packed) + len(payload), len(packed))
    body = lengths + struct.pack(">I", zlib.crc32(lengths)) + packed + payload
    return body + struct.pack(">I", zlib.crc32(body))


def _header(name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode()
    return struct.pack(">B", len(key)) + key + struct.pack(">BH", _STRING, len(text)) + text


BEDROCK = AnthropicBedrock("aws.bedrock")
