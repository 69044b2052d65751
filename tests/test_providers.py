from __future__ import annotations

import pytest

from otel_llm.providers import HOSTS, billed_by, provider_of


@pytest.mark.parametrize(
    ("host", "provider"),
    [
        ("api.openai.com", "openai"),
        ("API.OpenAI.com.", "openai"),
        ("eu.api.openai.com", "openai"),
        ("my-resource.openai.azure.com", "azure.ai.openai"),
        ("my-resource.services.ai.azure.com", "azure.ai.inference"),
        ("api.anthropic.com", "anthropic"),
        ("generativelanguage.googleapis.com", "gcp.gemini"),
        ("aiplatform.googleapis.com", "gcp.vertex_ai"),
        ("us-central1-aiplatform.googleapis.com", "gcp.vertex_ai"),
        ("aiplatform.eu.rep.googleapis.com", "gcp.vertex_ai"),
        ("bedrock-runtime.us-east-1.amazonaws.com", "aws.bedrock"),
        ("bedrock-runtime.cn-north-1.amazonaws.com.cn", "aws.bedrock"),
        ("bedrock-runtime-fips.us-west-2.amazonaws.com", "aws.bedrock"),
        ("vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com", "aws.bedrock"),
        ("api.together.xyz", "together"),
        ("api.together.ai", "together"),
        ("api.mistral.ai", "mistral_ai"),
        ("abc.us-east-1.aws.endpoints.huggingface.cloud", "huggingface"),
        ("us-south.ml.cloud.ibm.com", "ibm.watsonx.ai"),
    ],
)
def test_provider_of(host: str, provider: str) -> None:
    assert provider_of(host) == provider


@pytest.mark.parametrize(
    "host",
    [
        "", "localhost", "127.0.0.1", "example.org", "openai.com", "api.openai.com.evil.org", "xapi.openai.com",
        "openai.azure.com", "evil-openai.azure.com", "storage.googleapis.com", "s3.us-east-1.amazonaws.com",
        "bedrock-agent-runtime.us-east-1.amazonaws.com", "gateway.internal",
    ],
)  # fmt: skip
def test_other_hosts(host: str) -> None:
    assert provider_of(host) is None


@pytest.mark.parametrize(
    ("host", "declared", "provider"),
    [
        ("api.openai.com", "groq", "openai"),
        ("gateway.internal", "groq", "groq"),
        (None, "aws.bedrock", "aws.bedrock"),
        ("my-resource.openai.azure.com", "openai", "azure.ai.openai"),
        ("my-resource.services.ai.azure.com", "openai", "azure.ai.inference"),
        ("my-resource.services.ai.azure.com", "azure.ai.openai", "azure.ai.openai"),  # AzureOpenAI
        ("my-resource.services.ai.azure.com", "azure.ai.inference", "azure.ai.inference"),  # AnthropicFoundry
    ],
)
def test_billed_by_the_host_and_on_azure_by_the_client_too(host: str | None, declared: str, provider: str) -> None:
    assert billed_by(host, declared) == provider


def test_lookup_is_cached_and_bounded() -> None:
    for number in range(3000):
        assert provider_of(f"host-{number}.example.org") is None
    assert provider_of.cache_info().currsize == provider_of.cache_info().maxsize == 1024


def test_table_is_lower_case() -> None:
    assert all(text == text.lower() for row in HOSTS.items() for text in row)
