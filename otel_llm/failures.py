"""Whose fault is it? From status, provider's error code and type, and exception to an outcome and an error class.

Tables, read top to bottom; the classes are :data:`otel_llm.catalog.ERROR_CLASSES`. Sources: the providers' error pages
(OpenAI "Error codes", Anthropic "Errors", Google AI "Troubleshooting", AWS Bedrock "Common errors", Cohere "Errors",
Mistral "API errors"), the recorded errors, and the exception classes of the SDKs named in the comments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_llm.catalog import ErrorClass, Outcome
from otel_llm.formats.facts import Facts

if TYPE_CHECKING:
    from otel_llm.call import Attempt, Call

CODES: Final[dict[str, ErrorClass]] = {
    # OpenAI, Azure OpenAI and compatible servers
    "insufficient_quota": "quota",
    "billing_hard_limit_reached": "quota",
    "billing_not_active": "quota",
    "rate_limit_exceeded": "rate_limit",
    "tokens": "rate_limit",
    "requests": "rate_limit",
    "context_length_exceeded": "context_length",
    "string_above_max_length": "context_length",
    "content_filter": "content_filter",
    "content_policy_violation": "content_filter",
    "invalid_prompt": "content_filter",
    "model_not_found": "not_found",
    "deploymentnotfound": "not_found",
    "invalid_api_key": "auth",
    "incorrect_api_key": "auth",
    "unsupported_country_region_territory": "auth",
    "server_error": "provider",
    "engine_overloaded": "overloaded",
    "slow_down": "overloaded",
    "server_is_overloaded": "overloaded",
    "vector_store_timeout": "timeout",
    # Anthropic
    "overloaded_error": "overloaded",
    "api_error": "provider",
    "timeout_error": "timeout",
    "rate_limit_error": "rate_limit",
    "billing_error": "quota",
    "authentication_error": "auth",
    "permission_error": "auth",
    "not_found_error": "not_found",
    "request_too_large": "bad_request",
    "invalid_request_error": "bad_request",
    # Google (google.rpc.Code)
    "resource_exhausted": "rate_limit",
    "unauthenticated": "auth",
    "permission_denied": "auth",
    "invalid_argument": "bad_request",
    "failed_precondition": "bad_request",
    "not_found": "not_found",
    "deadline_exceeded": "timeout",
    "unavailable": "overloaded",
    "internal": "provider",
    # AWS Bedrock
    "throttlingexception": "rate_limit",
    "servicequotaexceededexception": "quota",
    "accessdeniedexception": "auth",
    "unrecognizedclientexception": "auth",
    "expiredtokenexception": "auth",
    "validationexception": "bad_request",
    "resourcenotfoundexception": "not_found",
    "modelnotreadyexception": "overloaded",
    "modeltimeoutexception": "timeout",
    "modelerrorexception": "provider",
    "modelstreamerrorexception": "provider",
    "internalserverexception": "provider",
    "serviceunavailableexception": "overloaded",
    # others
    "insufficient_balance": "quota",
    "insufficient_credits": "quota",
    "capacity_exceeded": "overloaded",
    "overloaded": "overloaded",
}
"""Error class by the provider's error code, or else its error type, in lower case."""

STATUSES: Final[dict[int, ErrorClass]] = {
    400: "bad_request", 401: "auth", 402: "quota", 403: "auth", 404: "not_found", 405: "bad_request",
    408: "timeout", 409: "bad_request", 410: "not_found", 413: "bad_request", 415: "bad_request",
    422: "bad_request", 424: "provider", 429: "rate_limit", 498: "overloaded", 499: "network",
    500: "provider", 501: "bad_request", 502: "provider", 503: "overloaded", 504: "timeout", 520: "provider",
    521: "provider", 522: "timeout", 524: "timeout", 529: "overloaded",
}  # fmt: skip
"""Error class by HTTP status, where the body says nothing better. 498 is Groq's capacity, 52x are Cloudflare's."""

EXCEPTIONS: Final[dict[str, ErrorClass]] = {
    # by class name, looked up along the exception's bases and causes, most specific first
    "APITimeoutError": "timeout",  # Stainless SDKs (openai, anthropic, groq ...)
    "PoolTimeout": "timeout",  # httpx and httpx2
    "ConnectTimeout": "timeout",
    "ReadTimeout": "timeout",
    "WriteTimeout": "timeout",
    "TimeoutException": "timeout",
    "ReadTimeoutError": "timeout",  # botocore, urllib3
    "ConnectTimeoutError": "timeout",
    "Timeout": "timeout",  # requests
    "TimeoutError": "timeout",
    "APIResponseValidationError": "provider",  # a 200 whose body is not what the API promises
    "JSONDecodeError": "provider",
    "DecodingError": "provider",
    "ContentFilterFinishReasonError": "content_filter",  # openai .parse()
    "LengthFinishReasonError": "bad_request",  # openai .parse(): max_tokens is too low for the schema
    "APIConnectionError": "network",
    "ConnectError": "network",
    "EndpointConnectionError": "network",
    "NetworkError": "network",
    "RemoteProtocolError": "network",
    "ProtocolError": "network",
    "ReadError": "network",
    "WriteError": "network",
    "CloseError": "network",
    "ProxyError": "network",
    "ConnectionClosedError": "network",
    "ConnectionError": "network",
    "ClientConnectionError": "network",
    "SSLError": "network",
    "gaierror": "network",
    "TransportError": "network",
    "UnsupportedProtocol": "bad_request",
    "InvalidURL": "bad_request",
}
"""Error class by exception, where the provider said nothing."""

CONTEXT_WORDS: Final = ("context length", "context window", "maximum context", "prompt is too long", "too many tokens",
                        "input is too long", "exceeds the maximum number of tokens", "input length and")  # fmt: skip
"""Words of 400s that have no code of their own for a prompt that is too long (Anthropic, Google, Bedrock, vLLM)."""
FILTER_WORDS: Final = ("content filtering policy",)
"""Words of 400s that have no code of their own for a filter that spoke (Anthropic)."""
CREDIT_WORDS: Final = ("credit balance is too low", "exceeded your current quota", "insufficient balance")
"""Words of 400s and 429s that are about money (Anthropic, Gemini, DeepSeek)."""


class End:
    """How a call or an attempt ended: outcome, and for an error its class and ``error.type``."""

    __slots__ = ("error_class", "error_type", "outcome")

    def __init__(self, outcome: Outcome, error_class: ErrorClass | None = None, error_type: str | None = None) -> None:
        self.outcome: Outcome = outcome
        self.error_class: ErrorClass | None = error_class
        self.error_type = error_type


def error_class(status: int | None, facts: Facts, error: BaseException | None) -> ErrorClass:
    """The class of an error. The provider's own words come first, then the status, then the exception."""
    message = (facts.error_message or "").lower()
    found = CODES.get((facts.error_code or "").lower()) or CODES.get((facts.error_type or "").lower())
    found = found or (STATUSES.get(status, _by_hundred(status)) if status is not None and status >= 400 else None)
    if found in ("bad_request", "rate_limit") and message:
        if any(words in message for words in CREDIT_WORDS):
            return "quota"
        if found == "bad_request" and any(words in message for words in CONTEXT_WORDS):
            return "context_length"
        if found == "bad_request" and any(words in message for words in FILTER_WORDS):
            return "content_filter"
    if found == "provider" and status is not None and status >= 500:
        return STATUSES.get(status, found)  # OpenAI's 503 says no more than "server_error" too
    return found or _by_exception(error) or ("provider" if facts.failed() else "unknown")


def _by_hundred(status: int) -> ErrorClass:
    return "provider" if status >= 500 else "bad_request"


def _by_exception(error: BaseException | None) -> ErrorClass | None:
    seen = 0
    while error is not None and seen < 8:
        for kind in type(error).__mro__:
            if (found := EXCEPTIONS.get(kind.__name__)) is not None:
                cause = _by_exception(error.__cause__) if found == "network" else None
                return "timeout" if cause == "timeout" else found
        error, seen = error.__cause__ or error.__context__, seen + 1
    return None


def error_type(status: int | None, facts: Facts, error: BaseException | None) -> str:
    """``error.type``: the provider's code if it is one that we know (a bounded set), else the exception's qualified
    name, else the status."""
    for word in (facts.error_code, facts.error_type):
        if word and word.lower() in CODES:
            return word
    if error is not None:
        kind = type(error)
        return kind.__qualname__ if kind.__module__ == "builtins" else f"{_package(kind)}.{kind.__qualname__}"
    return str(status) if status is not None and status >= 400 else "_OTHER"


def _package(kind: type) -> str:
    """Public home of an SDK's exception: ``openai._exceptions`` is ``openai``."""
    return ".".join(part for part in kind.__module__.split(".") if not part.startswith("_"))


def conclude(how: str, error: BaseException | None, call: Call, attempt: Attempt | None = None) -> End:
    """How a call ended, or one attempt of it if given. ``how`` is as in :meth:`otel_llm.call.Attempt.finish`."""
    last = attempt or (call.attempts[-1] if call.attempts else None)
    status, facts = (last.status, last.facts) if last else (None, Facts())
    if error is not None and not isinstance(error, Exception):
        return End("cancelled")  # asyncio's and trio's cancellation, KeyboardInterrupt, SystemExit
    if error is not None or (status or 0) >= 400 or facts.failed():
        return End("error", error_class(status, facts, error), error_type(status, facts, error))
    if last is None or facts.complete or facts.finish_reasons:
        return End("success")
    if how in ("closed", "dropped"):
        return End("abandoned")
    if last.streamed and call.format.terminated and facts.undecodable is None:
        return End("error", "network", "incomplete_stream")
    return End("success")
