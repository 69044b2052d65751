"""What all of OpenAI's APIs share: errors, headers and the words for finish reasons.

Source: OpenAI API reference, "Error codes" and "Rate limits", and answers recorded from the service.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from otel_llm.catalog import ErrorClass
from otel_llm.demo.emulator.received import Received
from otel_llm.demo.emulator.reply import Reply
from otel_llm.demo.emulator.wire import Failure


class _Row(NamedTuple):
    status: int
    type: str | None
    code: str | None
    message: str
    param: str | None = None


_ERRORS: Final[Mapping[ErrorClass, _Row]] = {
    "auth": _Row(401, "invalid_request_error", "invalid_api_key",
                 "Incorrect API key provided: sk-demo. You can find your API key at the account's page."),
    "bad_request": _Row(400, "invalid_request_error", "decimal_above_max_value",
                        "Invalid 'temperature': decimal above maximum value. Expected a value <= 2.", "temperature"),
    "context_length": _Row(400, "invalid_request_error", "context_length_exceeded",
                           "This model's maximum context length is 128000 tokens. However, your messages resulted in "
                           "130012 tokens. Please reduce the length of the messages.", "messages"),
    "content_filter": _Row(400, None, "content_filter",
                           "The response was filtered due to the prompt triggering the content management policy.",
                           "prompt"),
    "not_found": _Row(404, "invalid_request_error", "model_not_found",
                      "The model does not exist or you do not have access to it."),
    "rate_limit": _Row(429, "requests", "rate_limit_exceeded",
                       "Rate limit reached for requests per min (RPM): Limit 500, Used 500, Requested 1."),
    "quota": _Row(429, "insufficient_quota", "insufficient_quota",
                  "You exceeded your current quota, please check your plan and billing details."),
    "provider": _Row(500, "server_error", None,
                     "The server had an error while processing your request. Sorry about that!"),
    "overloaded": _Row(503, "server_error", None, "That model is currently overloaded with other requests."),
    "timeout": _Row(504, None, None, "The request timed out."),
}  # fmt: skip

_FINISH: Final = {"stop": "stop", "length": "length", "content_filter": "content_filter", "tool_call": "tool_calls"}


def error(reply: Reply, *, streamed: bool = False) -> dict[str, Any]:
    """The ``error`` object of a failing reply; inside a stream a code says what else the status would say."""
    row = _ERRORS[reply.fails or "provider"]
    code = "server_is_overloaded" if streamed and reply.fails == "overloaded" else row.code
    return {"message": reply.message or row.message, "type": row.type, "param": row.param, "code": code}


def failure(reply: Reply) -> Failure:
    """The error response of a failing reply."""
    return Failure(reply.status or _ERRORS[reply.fails or "provider"].status, {"error": error(reply)})


def headers(reply: Reply, asked: Received) -> dict[str, str]:
    """Request id, timing and rate limits (``x-ratelimit-*``, reset as a duration)."""
    found = {
        "x-request-id": f"req_{asked.number:032x}",
        "openai-processing-ms": str(max(1, round(reply.delay * 1000))),
        "openai-organization": "demo",
        "openai-version": "2020-10-01",
    }
    for kind in ("requests", "tokens"):
        if limit := reply.limits.get(kind):
            found[f"x-ratelimit-limit-{kind}"] = str(limit.limit)
            found[f"x-ratelimit-remaining-{kind}"] = str(limit.remaining)
            found[f"x-ratelimit-reset-{kind}"] = "6ms"
    return found


def finish(reply: Reply) -> str:
    """OpenAI's word for the finish reason."""
    return _FINISH[reply.finish]
