"""Errors as providers answer them, and the class that each must get: at least one for every row of the tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from otel_llm.catalog import ErrorClass
from otel_llm.formats import (
    anthropic_messages,
    bedrock_converse,
    bedrock_invoke,
    cohere,
    gemini,
    huggingface,
    ollama,
    openai_chat,
    openai_responses,
    replicate,
    rerank,
    watsonx,
    writer,
)
from otel_llm.formats.facts import Format

CHAT, RESPONSES, MESSAGES = openai_chat.CHAT, openai_responses.RESPONSES, anthropic_messages.MESSAGES
GEMINI, COHERE, CONVERSE = gemini.GENERATE, cohere.CHAT_V2, bedrock_converse.CONVERSE


WRITER: dict[int, ErrorClass] = {
    400: "bad_request", 401: "auth", 403: "auth", 404: "not_found", 422: "bad_request", 429: "rate_limit",
    500: "provider",
}  # fmt: skip


class Answer(NamedTuple):
    """An error response."""

    who: str
    format: Format
    status: int
    body: Any
    expected: ErrorClass
    headers: Mapping[str, str] = {}


def _openai(status: int, expected: ErrorClass, message: str = "", who: str = "openai", **error: Any) -> Answer:
    return Answer(who, CHAT, status, {"error": {"message": message, **error}}, expected)


def _anthropic(status: int, kind: str, expected: ErrorClass, message: str = "", **error: Any) -> Answer:
    body = {"type": "error", "error": {"type": kind, "message": message, **error}, "request_id": "req_1"}
    return Answer("anthropic", MESSAGES, status, body, expected)


def _google(status: int, stated: str, expected: ErrorClass, message: str = "", *details: Any) -> Answer:
    body = {"error": {"code": status, "message": message, "status": stated, "details": list(details)}}
    return Answer("google", GEMINI, status, body, expected)


def _quota(*ids: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": name} for name in ids]}


def _reason(reason: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}


def _aws(status: int, kind: str, expected: ErrorClass, message: str = "") -> Answer:
    headers = {"x-amzn-errortype": f"{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/"}
    return Answer("bedrock", CONVERSE, status, {"message": message}, expected, headers)


def _mistral(status: int, kind: str, code: str | None, expected: ErrorClass, message: str = "") -> Answer:
    body = {"object": "error", "message": message, "type": kind, "param": None, "code": code}
    return Answer("mistral", CHAT, status, body, expected)


GEMINI_QUOTA = "You exceeded your current quota, please check your plan and billing details."

ANSWERS: list[Answer] = [
    # OpenAI: 429 is a rate limit or a quota, by the code
    _openai(429, "rate_limit", type="requests", code="rate_limit_exceeded"),
    _openai(429, "rate_limit", type="tokens", code=None),
    _openai(429, "quota", type="insufficient_quota", code="insufficient_quota"),
    _openai(429, "quota", type="insufficient_quota", code="project_spend_limit_exceeded"),
    _openai(429, "rate_limit", type="rate_limit_error", code="slow_down"),
    _openai(503, "overloaded", type="service_unavailable_error", code="slow_down"),
    _openai(503, "overloaded", type="server_error", code=None),
    _openai(500, "provider", type="server_error", code=None),
    _openai(504, "timeout", type="server_error", code=None),
    _openai(400, "context_length", type="invalid_request_error", code="context_length_exceeded"),
    _openai(400, "bad_request", type="invalid_request_error", code="decimal_above_max_value"),
    _openai(401, "auth", type="invalid_request_error", code=None),
    _openai(403, "auth", type="request_forbidden", code="unsupported_country_region_territory"),
    _openai(404, "not_found", type="invalid_request_error", code=None),
    _openai(400, "content_filter", type="image_generation_user_error", code="moderation_blocked"),
    _openai(400, "content_filter", type="invalid_request_error", code="content_policy_violation"),
    # Azure
    _openai(400, "content_filter", who="azure", code="content_filter", type=None,
            innererror={"code": "ResponsibleAIPolicyViolation", "content_filter_result": {"hate": {"filtered": True}}}),
    _openai(400, "content_filter", who="azure", code="invalid_request", type=None,
            innererror={"code": "ResponsibleAIPolicyViolation"}),
    _openai(400, "content_filter", "triggering Azure OpenAI's content management policy.", "azure"),
    _openai(429, "rate_limit", "Requests to the Creation have exceeded token rate limit", "azure", code="429"),
    _openai(429, "overloaded", "The system is currently experiencing high demand", "azure", code="too_many_requests"),
    _openai(429, "overloaded", "The service is temporarily unable to process your request.", "azure", code="429"),
    _openai(404, "not_found", who="azure", code="DeploymentNotFound"),
    _openai(401, "auth", "Access denied due to invalid subscription key", "azure", code="401"),
    # Anthropic
    _anthropic(429, "rate_limit_error", "rate_limit"),
    _anthropic(429, "rate_limit_error", "quota", details={"error_code": "enforced_spend_limit_reached"}),
    _anthropic(400, "invalid_request_error", "quota", "Your credit balance is too low to access the Anthropic API."),
    _anthropic(400, "invalid_request_error", "quota", "You have reached your specified API usage limits."),
    _anthropic(400, "invalid_request_error", "quota", "You have reached your specified workspace API usage limits."),
    _anthropic(402, "billing_error", "quota"),
    _anthropic(529, "overloaded_error", "overloaded"),
    _anthropic(529, "api_error", "overloaded"),
    _anthropic(500, "api_error", "provider"),
    _anthropic(504, "timeout_error", "timeout"),
    _anthropic(400, "invalid_request_error", "bad_request", "messages: at least one message is required"),
    _anthropic(400, "invalid_request_error", "context_length", "prompt is too long: 208310 tokens > 200000 maximum"),
    _anthropic(400, "invalid_request_error", "context_length",
               "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000"),
    _anthropic(400, "invalid_request_error", "context_length", "exceeds the model's context window"),
    _anthropic(400, "invalid_request_error", "content_filter", "Output blocked by content filtering policy"),
    _anthropic(401, "authentication_error", "auth"),
    _anthropic(403, "permission_error", "auth"),
    _anthropic(404, "not_found_error", "not_found"),
    _anthropic(413, "request_too_large", "bad_request"),
    # Google: error.status, and what the details add
    _google(429, "RESOURCE_EXHAUSTED", "rate_limit", "Resource has been exhausted (e.g. check quota)."),
    _google(429, "RESOURCE_EXHAUSTED", "quota", GEMINI_QUOTA, _quota("GenerateRequestsPerDayPerProjectPerModel-Free")),
    _google(429, "RESOURCE_EXHAUSTED", "rate_limit", GEMINI_QUOTA, _quota("GenerateRequestsPerMinutePerProject")),
    _google(429, "RESOURCE_EXHAUSTED", "quota", GEMINI_QUOTA, _quota("GenerateRequestsPerMinute", "RequestsPerDay")),
    _google(429, "RESOURCE_EXHAUSTED", "quota", "Quota exceeded, limit: 0, model: x", _quota("RequestsPerMinute")),
    _google(429, "RESOURCE_EXHAUSTED", "quota", GEMINI_QUOTA),
    _google(402, "RESOURCE_EXHAUSTED", "quota", "Your prepayment credits are depleted."),
    _google(400, "INVALID_ARGUMENT", "auth", "", _reason("API_KEY_INVALID")),
    _google(400, "INVALID_ARGUMENT", "auth", "API key not valid. Please pass a valid API key."),
    _google(400, "INVALID_ARGUMENT", "bad_request", "Please use a valid role: user, model."),
    _google(400, "INVALID_ARGUMENT", "context_length",
            "The input token count exceeds the maximum number of tokens allowed 1048576."),
    _google(400, "FAILED_PRECONDITION", "auth", "User location is not supported for the API use."),
    _google(400, "FAILED_PRECONDITION", "bad_request"),
    _google(400, "OUT_OF_RANGE", "bad_request"),
    _google(403, "PERMISSION_DENIED", "auth"),
    _google(404, "NOT_FOUND", "not_found"),
    _google(499, "CANCELLED", "network"),
    _google(500, "INTERNAL", "provider"),
    _google(503, "UNAVAILABLE", "overloaded"),
    _google(504, "DEADLINE_EXCEEDED", "timeout"),
    # Bedrock, by exception name
    _aws(429, "ThrottlingException", "rate_limit", "Too many requests, please wait before trying again."),
    _aws(429, "ThrottlingException", "quota", "Too many tokens per day, please wait before trying again."),
    _aws(400, "ServiceQuotaExceededException", "quota"),
    _aws(429, "ModelNotReadyException", "overloaded"),
    _aws(408, "ModelTimeoutException", "timeout"),
    _aws(424, "ModelErrorException", "provider"),
    _aws(500, "InternalServerException", "provider"),
    _aws(503, "ServiceUnavailableException", "overloaded"),
    _aws(403, "AccessDeniedException", "auth"),
    _aws(403, "ExpiredTokenException", "auth"),
    _aws(404, "ResourceNotFoundException", "not_found"),
    _aws(400, "ValidationException", "bad_request", "Malformed input request"),
    _aws(400, "ValidationException", "not_found", "The provided model identifier is invalid."),
    _aws(400, "ValidationException", "context_length", "Input is too long for requested model."),
    _aws(400, "ValidationException", "context_length", "too many input tokens"),
    Answer("bedrock", bedrock_invoke.INVOKE, 400, {"message": "Input is too long"}, "context_length",
           {"x-amzn-errortype": "ValidationException"}),
    # Mistral: no object around the error; older answers have a message alone
    _mistral(429, "rate_limited", "1300", "rate_limit", "Rate limit exceeded"),
    _mistral(429, "invalid_request_error", None, "overloaded", "Service tier capacity exceeded for this model."),
    _mistral(429, "service_tier_capacity_exceeded", "3505", "overloaded"),
    _mistral(400, "invalid_model", "1500", "not_found", "Invalid model: x"),
    _mistral(400, "invalid_request_prompt", "3051", "context_length",
             "Prompt contains 40000 tokens, too large for model with 32768 maximum context length"),
    _mistral(422, "invalid_request_error", None, "bad_request"),
    Answer("mistral", CHAT, 401, {"message": "Unauthorized", "request_id": "1"}, "auth"),
    Answer("mistral", CHAT, 429, {"message": "Requests rate limit exceeded"}, "rate_limit"),
    Answer("mistral", CHAT, 402, {"detail": "Payment required"}, "quota"),
    # Groq
    _openai(429, "rate_limit", who="groq", type="tokens", code="rate_limit_exceeded"),
    _openai(413, "rate_limit", who="groq", type="tokens", code="rate_limit_exceeded"),
    _openai(498, "overloaded", who="groq", type="invalid_request_error", code="capacity_exceeded"),
    _openai(498, "overloaded", who="groq"),
    _openai(400, "provider", who="groq", type="invalid_request_error", code="json_validate_failed"),
    _openai(400, "provider", who="groq", type="invalid_request_error", code="tool_use_failed"),
    _openai(400, "not_found", who="groq", type="invalid_request_error", code="model_decommissioned"),
    # Cerebras, Together, DeepSeek, OpenRouter, LiteLLM, vLLM
    _openai(429, "rate_limit", who="cerebras", type="too_many_requests_error", code="request_quota_exceeded"),
    _openai(429, "overloaded", who="cerebras", type="too_many_requests_error", code="queue_exceeded"),
    _openai(402, "quota", who="together", type="credit_limit"),
    _openai(400, "not_found", who="together", type="invalid_request_error", code="model_not_available"),
    _openai(402, "quota", "Insufficient Balance", "deepseek", type="unknown_error", code="invalid_request_error"),
    _openai(400, "quota", "Insufficient Balance", "deepseek", type="unknown_error"),
    _openai(200, "overloaded", who="openrouter", code=503),
    _openai(403, "content_filter", "Your chosen model requires moderation and your input was flagged", "openrouter"),
    _openai(400, "quota", "ExceededBudget", "litellm", type="budget_exceeded"),
    Answer("vllm", CHAT, 400, {"object": "error", "type": "BadRequestError", "code": 400,
                               "message": "This model's maximum context length is 4096 tokens."}, "context_length"),
    Answer("vllm", CHAT, 400, {"object": "error", "type": "BadRequestError", "message": "context length"},
           "context_length"),
    _openai(401, "auth", who="cerebras", type="invalid_request_error", code="wrong_api_key"),
    _openai(404, "not_found", who="cerebras", type="not_found_error", code="model_not_found"),
    # docs.together.ai/docs/error-codes
    _openai(401, "auth", who="together", type="invalid_request_error", code="invalid_api_key"),
    _openai(429, "rate_limit", who="together"),
    _openai(500, "provider", who="together"),
    _openai(503, "overloaded", who="together"),
    # api-docs.deepseek.com/quick_start/error_codes
    _openai(401, "auth", who="deepseek", type="authentication_error", code="invalid_request_error"),
    _openai(422, "bad_request", who="deepseek", type="invalid_request_error"),
    _openai(429, "rate_limit", who="deepseek"),
    _openai(500, "provider", who="deepseek"),
    _openai(503, "overloaded", who="deepseek"),
    # openrouter.ai/docs/api-reference/errors: the code is a status
    _openai(402, "quota", "Insufficient credits. Add more using the account's page", "openrouter", code=402),
    _openai(408, "timeout", who="openrouter", code=408),
    _openai(502, "provider", who="openrouter", code=502),
    # docs.fireworks.ai/guides/inference-error-codes
    _openai(402, "quota", who="fireworks"),
    _openai(403, "auth", who="fireworks"),
    _openai(404, "not_found", who="fireworks"),
    _openai(408, "timeout", who="fireworks"),
    _openai(412, "quota", who="fireworks"),
    _openai(429, "rate_limit", who="fireworks"),
    # xAI: continuedev/continue issues 10373, 12670 and 10778, griptape-ai/griptape-nodes-engine issue 1079
    Answer("xai", CHAT, 429, {"code": "x", "error": "Your team has either used all available credits or reached its "
                              "monthly spending limit."}, "quota"),
    Answer("xai", CHAT, 403, {"code": "permission-denied", "error": "Your team has either used all available credits"},
           "quota"),
    Answer("xai", CHAT, 403, {"code": "The caller does not have permission to execute the specified operation",
                              "error": "Your newly created team doesn't have any credits or licenses yet."}, "quota"),
    Answer("xai", CHAT, 403, {"code": "The caller does not have permission", "error": "The key is blocked."}, "auth"),
    Answer("xai", CHAT, 400, {"code": "x", "error": "Incorrect API key provided: na***ys."}, "auth"),
    # Perplexity: perplexityai/api-discussion issue 262, ITSpecialist111/ai_automation_suggester issue 171
    _openai(400, "not_found", "Invalid model 'sonar-pro '.", "perplexity", type="invalid_model", code=400),
    _openai(400, "bad_request", "max_tokens must be at least 16", "perplexity", type="invalid_parameter", code=400),
    # watsonx: BerriAI/litellm issue 9219
    Answer("watsonx", watsonx.GENERATION, 401,
           {"errors": [{"code": "authentication_token_expired", "message": "Failed to authenticate"}], "trace": "x"},
           "auth"),
    # Replicate: nodetool-ai/nodetool issue 5196; replicate.com/docs (HTTP API)
    Answer("replicate", replicate.PREDICTIONS, 429,
           {"detail": "Request was throttled. Your rate limit resets in ~5s.", "status": 429}, "rate_limit"),
    Answer("replicate", replicate.PREDICTIONS, 402, {"title": "Insufficient credit", "detail": "x", "status": 402},
           "quota"),
    # Writer: the status alone, as writer-sdk 3.0 has an exception for each
    *(Answer("writer", writer.COMPLETIONS, status, {}, expected) for status, expected in WRITER.items()),
    # Voyage: docs.voyageai.com/docs/error-codes
    Answer("voyage", rerank.RERANK, 400, {"detail": "The request body is not valid JSON"}, "bad_request"),
    Answer("voyage", rerank.RERANK, 401, {"detail": "Provided API key is invalid."}, "auth"),
    Answer("voyage", rerank.RERANK, 429, {"detail": "You have not yet added your payment method"}, "rate_limit"),
    Answer("voyage", rerank.RERANK, 503, {"detail": "The server is overloaded"}, "overloaded"),
    # Cohere: a message alone
    Answer("cohere", COHERE, 400, {"message": "invalid request: query must not be empty"}, "bad_request"),
    Answer("cohere", COHERE, 400, {"message": "too many tokens: total number of tokens in the prompt cannot exceed 1"},
           "context_length"),
    Answer("cohere", COHERE, 401, {"message": "invalid api token"}, "auth"),
    Answer("cohere", COHERE, 402, {"message": "billing limit reached"}, "quota"),
    Answer("cohere", COHERE, 404, {"message": "model 'command-r' was removed"}, "not_found"),
    Answer("cohere", COHERE, 429, {"message": "You are past the per minute request limit"}, "rate_limit"),
    Answer("cohere", COHERE, 429, {"message": "a Trial key, which is limited to 1000 API calls / month"}, "quota"),
    Answer("cohere", COHERE, 500, {"message": "internal server error"}, "provider"),
    # Hugging Face, Ollama
    Answer("huggingface", huggingface.GENERATION, 429, {"error": "Model is overloaded", "error_type": "overloaded"},
           "overloaded"),
    Answer("huggingface", huggingface.GENERATION, 503, {"error": "Model x is currently loading"}, "overloaded"),
    Answer("huggingface", huggingface.GENERATION, 422,
           {"error": "`inputs` tokens + `max_new_tokens` must be <= 2048", "error_type": "validation"},
           "context_length"),
    Answer("ollama", ollama.CHAT, 404, {"error": "model 'x' not found"}, "not_found"),
    Answer("ollama", ollama.CHAT, 500, {"error": "llama runner process has terminated"}, "provider"),
]  # fmt: skip


class Events(NamedTuple):
    """An error in the middle of a 200's stream, by the event that states it."""

    who: str
    format: Format
    event: Any
    expected: ErrorClass


EVENTS: list[Events] = [
    Events("openai", CHAT, {"error": {"message": "x", "type": "server_error", "code": None}}, "provider"),
    Events("openai", CHAT, {"error": {"message": "x", "type": "invalid_request_error"}}, "bad_request"),
    Events("azure", CHAT, {"error": {"message": "x", "code": "content_filter"}}, "content_filter"),
    Events("openrouter", CHAT, {"error": {"message": "x", "code": 429}, "choices": []}, "rate_limit"),
    Events("vllm", CHAT, {"object": "error", "message": "x", "type": "InternalServerError"}, "provider"),
    Events("responses", RESPONSES, {"type": "error", "code": "server_is_overloaded", "message": "x"}, "overloaded"),
    Events("responses", RESPONSES,
           {"type": "response.failed", "response": {"error": {"code": "rate_limit_exceeded", "message": "x"}}},
           "rate_limit"),
    Events("responses", RESPONSES,
           {"type": "response.failed", "response": {"error": {"code": "invalid_image_url", "message": "x"}}},
           "bad_request"),
    Events("anthropic", MESSAGES, {"type": "error", "error": {"type": "overloaded_error"}}, "overloaded"),
    Events("anthropic", MESSAGES, {"type": "error", "error": {"type": "api_error"}}, "provider"),
    Events("google", GEMINI, {"error": {"code": 503, "status": "UNAVAILABLE", "message": "x"}}, "overloaded"),
    Events("google", GEMINI, {"error": {"code": 504, "message": "x"}}, "timeout"),
    Events("bedrock", CONVERSE, {"throttlingException": {"message": "x"}}, "rate_limit"),
    Events("bedrock", CONVERSE, {"modelStreamErrorException": {"originalMessage": "x"}}, "provider"),
    Events("bedrock", CONVERSE, {"serviceUnavailableException": {"message": "x"}}, "overloaded"),
    Events("bedrock", CONVERSE, {"validationException": {"message": "Input is too long"}}, "context_length"),
    Events("cohere", COHERE, {"type": "message-end", "delta": {"error": "x"}}, "provider"),
    Events("huggingface", huggingface.GENERATION, {"error": "x", "error_type": "incomplete_generation"}, "provider"),
    Events("ollama", ollama.CHAT, {"error": "an error was encountered while running the model"}, "provider"),
]  # fmt: skip
