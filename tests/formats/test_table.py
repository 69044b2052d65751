"""From a path to its format: every way that a provider or an SDK writes it, and the paths that are no LLM calls."""

from __future__ import annotations

from timeit import repeat

import pytest

from otel_llm.formats.table import ROUTES, TASKS, VERBS, recognise

GOOGLE = "/v1beta1/projects/p/locations/us-central1/publishers"
PROFILE = "arn:aws:bedrock:us-east-1:0:application-inference-profile/abc"


@pytest.mark.parametrize(
    ("path", "name", "model", "stream"),
    [
        ("/v1/chat/completions", "openai_chat", None, None),
        ("/chat/completions", "openai_chat", None, None),
        ("chat/completions", "openai_chat", None, None),
        ("/openai/v1/chat/completions", "openai_chat", None, None),
        ("/inference/v1/chat/completions", "openai_chat", None, None),
        ("https://api.fireworks.ai/inference/v1/chat/completions", "openai_chat", None, None),
        ("/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21", "openai_chat", "my gpt", None),
        ("/openai/deployments/embed/embeddings", "openai_embeddings", "embed", None),
        ("/v1beta/openai/chat/completions", "openai_chat", None, None),
        (f"{GOOGLE[:-11]}/endpoints/openapi/chat/completions", "openai_chat", None, None),
        ("/hf-inference/models/org/name/v1/chat/completions", "openai_chat", "org/name", None),
        ("/v1/chat/completions#stream", "openai_chat", None, None),
        ("/v1/agents/completions", "openai_chat", None, None),
        ("/v1/prompts/my-prompt/completions", "openai_chat", None, None),
        ("/v1/fim/completions", "openai_completions", None, None),
        ("/v1/completions", "openai_completions", None, None),
        ("/v1/responses", "openai_responses", None, None),
        ("/openai/v1/responses?api-version=preview", "openai_responses", None, None),
        ("/v1/embeddings", "openai_embeddings", None, None),
        ("/v1/messages", "anthropic_messages", None, None),
        ("/v1/messages?beta=true", "anthropic_messages", None, None),
        ("/anthropic/v1/messages", "anthropic_messages", None, None),
        ("/v1/complete", "anthropic_messages", None, None),
        ("/complete", "aleph_alpha", None, None),
        (f"{GOOGLE}/anthropic/models/claude-x@20250101:rawPredict", "anthropic_messages", "claude-x@20250101", False),
        (f"{GOOGLE}/anthropic/models/claude-x:streamRawPredict", "anthropic_messages", "claude-x", True),
        (f"{GOOGLE}/mistralai/models/codestral:rawPredict", "openai_chat", "codestral", False),
        (f"{GOOGLE}/google/models/gemini-2.5-pro:generateContent", "gemini", "gemini-2.5-pro", False),
        ("/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", "gemini", "gemini-2.5-flash", True),
        ("models/gemini-2.5-flash:generateContent", "gemini", "gemini-2.5-flash", False),
        ("/v1beta/tunedModels/mine:generateContent", "gemini", "tunedModels/mine", False),
        ("/v1/projects/p/locations/l/endpoints/12:generateContent", "gemini", "endpoints/12", False),
        ("/v1beta/models/gemini-embedding-001:embedContent", "gemini_embeddings", "gemini-embedding-001", False),
        ("/v1beta/models/gemini-embedding-001:batchEmbedContents", "gemini_embeddings", "gemini-embedding-001", False),
        (f"{GOOGLE}/google/models/text-embedding-005:predict", "gemini_embeddings", "text-embedding-005", False),
        ("/v1beta/interactions", "gemini_interactions", None, None),
        ("/model/amazon.nova-lite-v1%3A0/converse", "bedrock_converse", "amazon.nova-lite-v1:0", False),
        ("/model/amazon.nova-lite-v1:0/converse-stream", "bedrock_converse", "amazon.nova-lite-v1:0", True),
        ("/model/anthropic.claude-v2/invoke", "bedrock_invoke", "anthropic.claude-v2", False),
        ("/model/us.meta.llama4/invoke-with-response-stream", "bedrock_invoke", "us.meta.llama4", True),
        (f"/model/{PROFILE}/invoke", "bedrock_invoke", PROFILE, False),
        (f"/model/{PROFILE.replace('/', '%2F')}/converse", "bedrock_converse", PROFILE, False),
        (
            "/model/amazon.titan-embed-text-v2:0/invoke",
            "bedrock_invoke_embeddings",
            "amazon.titan-embed-text-v2:0",
            False,
        ),
        ("/model/cohere.rerank-v3-5:0/invoke", "bedrock_invoke_rerank", "cohere.rerank-v3-5:0", False),
        ("/v2/chat", "cohere_chat", None, None),
        ("v2/chat", "cohere_chat", None, None),
        ("/v1/chat", "cohere_chat_v1", None, None),
        ("/v1/generate", "cohere_generate", None, None),
        ("/v2/embed", "cohere_embeddings", None, None),
        ("/v1/embed", "cohere_embeddings", None, None),
        ("/v2/rerank", "rerank", None, None),
        ("/v1/rerank", "rerank", None, None),
        ("/api/chat", "ollama_chat", None, None),
        ("/api/generate", "ollama_generate", None, None),
        ("/api/embed", "ollama_embeddings", None, None),
        ("/api/embeddings", "ollama_embeddings", None, None),
        ("/generate", "huggingface_generation", None, False),
        ("/generate_stream", "huggingface_generation", None, True),
        ("/ml/v1/text/chat?version=2025-01-01", "watsonx_chat", None, None),
        ("/ml/v1/text/chat_stream", "watsonx_chat", None, True),
        ("/ml/v1/text/generation", "watsonx_generation", None, False),
        ("/ml/v1/deployments/d/text/generation_stream", "watsonx_generation", "d", True),
        ("/ml/v1-beta/generation/text", "watsonx_generation", None, False),
        ("/ml/v1-beta/generation/text_stream", "watsonx_generation", None, True),
        ("/ml/v1/text/embeddings", "watsonx_embeddings", None, None),
        ("/v1/predictions", "replicate_predictions", None, None),
        ("/v1/models/meta/llama-2-70b-chat/predictions", "replicate_predictions", "meta/llama-2-70b-chat", None),
    ],
)
def test_recognised(path: str, name: str, model: str | None, stream: bool | None) -> None:
    found = recognise(path)
    assert found is not None
    assert (found.format.name, found.model, found.stream) == (name, model, stream)


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "/v1/models", "/v1/models/gpt-5", "/v1/files", "/v1/batches", "/v1/messages/batches",
        "/v1/messages/count_tokens", "/v1/messages/count_tokens?beta=true", "/v1/threads/thread_1/messages",
        "/v1/responses/resp_1", "/v1/responses/resp_1/cancel", "/v1/responses/input_tokens", "/v1/tcp_warming",
        "/v1/moderations", "/v1/images/generations", "/v1/audio/speech", "/v1/audio/transcriptions", "/messages",
        "/chat", "/embed", "/api/generate_stream", "/app/generate", "/converse", "/invoke", "/predictions",
        "/guardrail/g/version/1/apply", "/agents/a/agentAliases/b/sessions/c/text",
        "/v1beta/models/gemini-2.5-flash:countTokens", "/v1beta/models", "/v1beta/cachedContents",
        f"{GOOGLE}/anthropic/models/count-tokens:rawPredict", f"{GOOGLE}/google/models/imagen-4:predict",
        "/v1/projects/p/locations/l/endpoints/12:predict", "/v1/projects/p/locations/l/endpoints/12:rawPredict",
        "/orders/12:cancel", "/static/app.js", "https://example.org",
    ],
)  # fmt: skip
def test_no_llm_call(path: str) -> None:
    assert recognise(path) is None


def test_provider_decides_between_two_formats_under_one_path() -> None:
    names = [found.format.name for host in ("writer", "cohere", None) if (found := recognise("/v1/chat", host))]
    assert names == ["openai_chat", "cohere_chat_v1", "cohere_chat_v1"]
    found = recognise("/v1/completions", "writer")
    assert found is not None
    assert found.format.name == "writer_completions"


def test_names_are_unique() -> None:
    formats = {route.format for table in (ROUTES, VERBS) for routes in table.values() for route in routes}
    formats |= set(TASKS.values())
    assert len({one.name for one in formats}) == len(formats)


@pytest.mark.parametrize("path", ["/api/v2/orders/12345", "/v1/models", "/graphql?query=x"])
def test_a_miss_is_cheap(path: str) -> None:
    """Every POST of the app pays this. The aim is one microsecond; the bound is wide for busy machines."""
    calls = 2000
    assert min(repeat(lambda: recognise(path), number=calls, repeat=5)) / calls < 20e-6
