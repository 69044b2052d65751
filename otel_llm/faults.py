"""The tables of :mod:`otel_llm.failures`: what providers, statuses and exceptions say, and whose fault it is.

Sources, read in November 2026: the error pages of OpenAI ("Error codes"), Azure OpenAI ("Manage quota", "Content
filtering"), Anthropic ("Errors", "Rate limits"), Google (``google.rpc.Code``, "Troubleshooting", "Rate limits"), AWS
Bedrock ("Troubleshooting API error codes"), Cohere ("Errors"), Mistral, Groq ("Errors", "Flex processing"), Cerebras,
OpenRouter, DeepSeek, Together, Fireworks ("Inference error codes"), LiteLLM and Hugging Face
(text-generation-inference); answers that users of xAI, Perplexity, watsonx and Replicate put into issues (named in
``tests/failures/rows.py``); the recorded errors; and the exception classes of the SDKs and HTTP libraries named in the
comments.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from otel_llm.catalog import ErrorClass

CODES_BY_PROVIDER: Final[Mapping[str, Mapping[str, ErrorClass]]] = {
    "OpenAI, Azure OpenAI and compatible servers": {
        "insufficient_quota": "quota",
        "credit_balance_exhausted": "quota",
        "organization_spend_limit_exceeded": "quota",
        "organization_usage_limit_exceeded": "quota",
        "project_spend_limit_exceeded": "quota",
        "billing_hard_limit_reached": "quota",
        "billing_not_active": "quota",
        "rate_limit_exceeded": "rate_limit",
        "ratelimitreached": "rate_limit",  # Azure
        "toomanyrequests": "rate_limit",  # Azure's gateway
        "tokens": "rate_limit",
        "requests": "rate_limit",
        "slow_down": "rate_limit",  # traffic grew too fast; as 503 it is "overloaded", see STATUS_RULES
        "context_length_exceeded": "context_length",
        "string_above_max_length": "context_length",
        "content_filter": "content_filter",
        "responsibleaipolicyviolation": "content_filter",  # Azure's inner error
        "content_policy_violation": "content_filter",
        "moderation_blocked": "content_filter",
        "image_content_policy_violation": "content_filter",
        "invalid_prompt": "content_filter",
        "model_not_found": "not_found",
        "deploymentnotfound": "not_found",  # Azure
        "invalid_api_key": "auth",
        "incorrect_api_key": "auth",
        "permissiondenied": "auth",  # Azure
        "unsupported_country_region_territory": "auth",
        "server_error": "provider",
        "internalservererror": "provider",  # vLLM
        "engine_overloaded": "overloaded",
        "server_is_overloaded": "overloaded",
        "service_unavailable_error": "overloaded",
        "vector_store_timeout": "timeout",
        "failed_to_download_image": "bad_request",
        "image_parse_error": "bad_request",
        "invalid_image": "bad_request",
        "invalid_image_format": "bad_request",
        "invalid_image_url": "bad_request",
        "unknown_parameter": "bad_request",
        "unsupported_parameter": "bad_request",
        "unsupported_value": "bad_request",
    },
    "Anthropic": {
        "overloaded_error": "overloaded",
        "api_error": "provider",
        "timeout_error": "timeout",
        "rate_limit_error": "rate_limit",
        "enforced_spend_limit_reached": "quota",  # error.details.error_code of a 429
        "billing_error": "quota",
        "authentication_error": "auth",
        "permission_error": "auth",
        "not_found_error": "not_found",
        "request_too_large": "bad_request",
    },
    "Google (google.rpc.Code, and the reasons in its details)": {
        "resource_exhausted": "rate_limit",
        "unauthenticated": "auth",
        "permission_denied": "auth",
        "api_key_invalid": "auth",  # a 400
        "api_key_service_blocked": "auth",
        "service_disabled": "auth",
        "billing_disabled": "quota",
        "not_found": "not_found",
        "deadline_exceeded": "timeout",
        "unavailable": "overloaded",
        "internal": "provider",
        "data_loss": "provider",
    },
    "AWS Bedrock": {
        "throttlingexception": "rate_limit",
        "toomanyrequestsexception": "rate_limit",
        "servicequotaexceededexception": "quota",
        "accessdeniedexception": "auth",
        "unrecognizedclientexception": "auth",
        "invalidsignatureexception": "auth",
        "incompletesignature": "auth",
        "invalidclienttokenid": "auth",
        "missingauthenticationtokenexception": "auth",
        "expiredtokenexception": "auth",
        "expiredtoken": "auth",
        "notauthorized": "auth",
        "requestexpired": "auth",
        "validationexception": "bad_request",
        "conflictexception": "bad_request",
        "resourcenotfoundexception": "not_found",
        "modelnotreadyexception": "overloaded",
        "modeltimeoutexception": "timeout",
        "modelerrorexception": "provider",
        "modelstreamerrorexception": "provider",
        "internalserverexception": "provider",
        "internalfailure": "provider",
        "serviceunavailableexception": "overloaded",
        "serviceunavailable": "overloaded",
    },
    "Mistral": {
        "rate_limited": "rate_limit",
        "1300": "rate_limit",
        "service_tier_capacity_exceeded": "overloaded",
        "3505": "overloaded",
        "invalid_model": "not_found",
        "1500": "not_found",
    },
    "Groq": {
        "capacity_exceeded": "overloaded",  # 498, flex tier
        "over_capacity": "overloaded",
        "json_validate_failed": "provider",  # a 400: the model's output did not fit the schema
        "tool_use_failed": "provider",  # a 400: the model's tool call could not be read
        "model_decommissioned": "not_found",
    },
    "Cerebras": {
        "too_many_requests_error": "rate_limit",
        "too_many_tokens_error": "rate_limit",
        "request_quota_exceeded": "rate_limit",  # per minute, whatever the name says
        "token_quota_exceeded": "rate_limit",
        "queue_exceeded": "overloaded",
    },
    "IBM watsonx": {
        "authentication_token_expired": "auth",
    },
    "Together, DeepSeek, LiteLLM, Hugging Face": {
        "insufficient_balance": "quota",
        "insufficient_credits": "quota",
        "credit_limit": "quota",
        "budget_exceeded": "quota",
        "throttling_error": "rate_limit",
        "auth_error": "auth",
        "model_not_available": "not_found",
        "overloaded": "overloaded",
        "generation": "provider",
        "incomplete_generation": "provider",
        "validation": "bad_request",
    },
}
"""Error class by what the provider's error states, in lower case: detail, else code, else type."""

CODES: Final[Mapping[str, ErrorClass]] = {
    word: kind for words in CODES_BY_PROVIDER.values() for word, kind in words.items()
}

GENERIC: Final[Mapping[str, ErrorClass]] = {
    "invalid_request_error": "bad_request",  # OpenAI sends it with 401 and 404, Mistral with 429, too
    "badrequesterror": "bad_request",  # vLLM
    "invalid_argument": "bad_request",
    "failed_precondition": "bad_request",
    "out_of_range": "bad_request",
}
"""Types that say less than a status does: they count where there is no status above 399 (inside a stream)."""

STATUSES: Final[Mapping[int, ErrorClass]] = {
    400: "bad_request", 401: "auth", 402: "quota", 403: "auth", 404: "not_found", 405: "bad_request",
    408: "timeout", 409: "bad_request", 410: "not_found", 412: "quota", 413: "bad_request", 415: "bad_request",
    422: "bad_request", 424: "provider", 429: "rate_limit", 498: "overloaded", 499: "network",
    500: "provider", 501: "bad_request", 502: "provider", 503: "overloaded", 504: "timeout", 520: "provider",
    521: "provider", 522: "timeout", 523: "network", 524: "timeout", 529: "overloaded", 530: "network",
}  # fmt: skip
"""Error class by HTTP status, where the body says nothing better; other 4xx are ``bad_request``, other 5xx
``provider``. 412 is Fireworks' for an account that is suspended, 498 Groq's capacity, 499 a request that was cancelled
on the way, 52x are Cloudflare's."""

STATUS_RULES: Final[Mapping[int, ErrorClass]] = {402: "quota", 503: "overloaded", 504: "timeout", 529: "overloaded"}
"""Statuses that say more than a code of the classes in :data:`VAGUE` does: OpenAI's 503 says no more than
``server_error``, too, and Google's 402 no more than ``RESOURCE_EXHAUSTED``."""
VAGUE: Final[frozenset[ErrorClass]] = frozenset(("provider", "rate_limit"))


class Words(msgspec.Struct, frozen=True):
    """What a message says on top, where status and code do not tell such errors from others."""

    of: frozenset[ErrorClass]
    """Classes that the words may change."""
    words: str
    becomes: ErrorClass
    who: str


_REQUEST: Final[frozenset[ErrorClass]] = frozenset(("bad_request",))
_LIMIT: Final[frozenset[ErrorClass]] = frozenset(("rate_limit",))
_DENIED: Final[frozenset[ErrorClass]] = frozenset(("auth",))
_BOTH: Final = _REQUEST | _LIMIT

WORDS: Final = (
    Words(_BOTH, "credit balance is too low", "quota", "Anthropic, 400"),
    Words(_REQUEST, "specified api usage limits", "quota", "Anthropic, 400: the limit that the organisation set"),
    Words(_REQUEST, "specified workspace api usage limits", "quota", "Anthropic, 400"),
    Words(_BOTH, "insufficient balance", "quota", "DeepSeek"),
    Words(_LIMIT | _DENIED, "used all available credits", "quota", "xAI, 429 or 403"),
    Words(_DENIED, "have any credits", "quota", "xAI, 403: a new team"),
    Words(_REQUEST, "incorrect api key provided", "auth", "xAI, 400"),
    Words(_LIMIT, "too many tokens per day", "quota", "Bedrock's ThrottlingException"),
    Words(_LIMIT, "api calls / month", "quota", "Cohere's trial keys"),
    Words(_LIMIT, "perday", "quota", "Gemini, quotaId in the details"),
    Words(_LIMIT, "limit: 0,", "quota", "Gemini: a model that the tier does not have"),
    Words(_LIMIT, "perminute", "rate_limit", "Gemini, quotaId in the details"),
    Words(_LIMIT, "exceeded your current quota", "quota", "Gemini without details; OpenAI's words"),
    Words(_LIMIT, "high demand", "overloaded", "Azure, 429 for want of capacity"),
    Words(_LIMIT, "temporarily unable to process", "overloaded", "Azure, likewise"),
    Words(_BOTH, "capacity exceeded", "overloaded", "Mistral"),
    Words(_REQUEST, "context length", "context_length", "OpenAI-compatible servers"),
    Words(_REQUEST, "context window", "context_length", "Anthropic"),
    Words(_REQUEST, "maximum context", "context_length", "vLLM, Mistral"),
    Words(_REQUEST, "prompt is too long", "context_length", "Anthropic"),
    Words(_REQUEST, "input length and", "context_length", "Anthropic: with max_tokens above the window"),
    Words(_REQUEST, "too many tokens: total", "context_length", "Cohere"),
    Words(_REQUEST, "too many input tokens", "context_length", "Bedrock"),
    Words(_REQUEST, "input is too long", "context_length", "Bedrock"),
    Words(_REQUEST, "exceeds the maximum number of tokens", "context_length", "Gemini"),
    Words(_REQUEST, "`inputs` tokens + `max_new_tokens`", "context_length", "Hugging Face"),
    Words(_REQUEST, "content filtering policy", "content_filter", "Anthropic"),
    Words(_REQUEST, "content management policy", "content_filter", "Azure"),
    Words(_DENIED, "input was flagged", "content_filter", "OpenRouter, 403"),
    Words(_REQUEST, "model identifier is invalid", "not_found", "Bedrock"),
    Words(_REQUEST, "api key not valid", "auth", "Gemini"),
    Words(_REQUEST, "location is not supported", "auth", "Gemini"),
)  # fmt: skip
"""Read from the top; the first that fits holds."""

EXCEPTIONS: Final[Mapping[str, ErrorClass]] = {
    # by class name, looked up along the exception's bases, then its causes
    "APITimeoutError": "timeout",  # Stainless SDKs (openai, anthropic, groq ...)
    "PoolTimeout": "timeout",  # httpx and httpx2
    "ConnectTimeout": "timeout",
    "ReadTimeout": "timeout",
    "WriteTimeout": "timeout",
    "TimeoutException": "timeout",
    "ServerTimeoutError": "timeout",  # aiohttp
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
    "ClientPayloadError": "network",
    "ChunkedEncodingError": "network",
    "SSLError": "network",
    "gaierror": "network",
    "TransportError": "network",
    "NoCredentialsError": "auth",  # botocore
    "PartialCredentialsError": "auth",
    "CredentialRetrievalError": "auth",
    "TokenRetrievalError": "auth",
    "UnauthorizedSSOTokenError": "auth",
    "DefaultCredentialsError": "auth",  # google-auth
    "RefreshError": "auth",
    "ParamValidationError": "bad_request",  # botocore
    "NoRegionError": "bad_request",
    "UnsupportedProtocol": "bad_request",
    "InvalidURL": "bad_request",
}
"""Error class by exception, where the provider said nothing."""

Phase = Literal["connect", "read", "write", "pool"]
PHASES: Final[Mapping[str, Phase]] = {
    "ConnectTimeout": "connect",  # httpx, httpx2, requests
    "ConnectTimeoutError": "connect",  # urllib3, botocore
    "ConnectionTimeoutError": "connect",  # aiohttp
    "ReadTimeout": "read",
    "ReadTimeoutError": "read",
    "SocketTimeoutError": "read",
    "WriteTimeout": "write",
    "PoolTimeout": "pool",
}
"""What a time-out waited for. ``pool`` is the app's own: all its connections were in use."""
