"""The clients: one row each. To add a Stainless SDK, add a row; to add another kind, add a module and a row."""

from __future__ import annotations

from typing import Final

from otel_llm.clients.stainless import StainlessClient

AZURE: Final = {"AzureOpenAI": "azure.ai.openai", "AsyncAzureOpenAI": "azure.ai.openai"}
CLOUDS: Final = {
    "AnthropicBedrock": "aws.bedrock",
    "AsyncAnthropicBedrock": "aws.bedrock",
    "AnthropicBedrockMantle": "aws.bedrock",
    "AsyncAnthropicBedrockMantle": "aws.bedrock",
    "AnthropicVertex": "gcp.vertex_ai",
    "AsyncAnthropicVertex": "gcp.vertex_ai",
    "AnthropicFoundry": "azure.ai.inference",
    "AsyncAnthropicFoundry": "azure.ai.inference",
}

CLIENTS: Final = (
    StainlessClient(package="openai", module="openai._base_client", provider="openai", flavours=AZURE),
    StainlessClient(package="anthropic", module="anthropic._base_client", provider="anthropic", flavours=CLOUDS),
)
