"""Who bills a call, by the host that it went to: values of ``gen_ai.provider.name``.

The conventions' values where they have one, else a lower-case name of ours (their list is open).
"""

from __future__ import annotations

import re
from fnmatch import translate
from functools import lru_cache
from typing import Final

HOSTS: Final[dict[str, str]] = {
    "api.openai.com": "openai",
    "*.api.openai.com": "openai",
    "*.openai.azure.com": "azure.ai.openai",
    "*.openai.azure.us": "azure.ai.openai",
    "*.openai.azure.cn": "azure.ai.openai",
    "*.cognitiveservices.azure.com": "azure.ai.openai",
    "*.services.ai.azure.com": "azure.ai.inference",
    "*.models.ai.azure.com": "azure.ai.inference",
    "*.inference.ai.azure.com": "azure.ai.inference",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
    "*-aiplatform.googleapis.com": "gcp.vertex_ai",
    "*-aiplatform-restricted.p.googleapis.com": "gcp.vertex_ai",
    "aiplatform.*.rep.googleapis.com": "gcp.vertex_ai",
    "bedrock-runtime.*.amazonaws.com": "aws.bedrock",
    "bedrock-runtime.*.amazonaws.com.cn": "aws.bedrock",
    "bedrock-runtime-fips.*.amazonaws.com": "aws.bedrock",
    "bedrock-runtime.*.api.aws": "aws.bedrock",
    "bedrock-mantle.*.api.aws": "aws.bedrock",
    "*.bedrock-runtime.*.vpce.amazonaws.com": "aws.bedrock",
    "api.cohere.com": "cohere",
    "api.cohere.ai": "cohere",
    "api.mistral.ai": "mistral_ai",
    "codestral.mistral.ai": "mistral_ai",
    "api.groq.com": "groq",
    "api.together.xyz": "together",
    "api.together.ai": "together",
    "api.x.ai": "x_ai",
    "*.api.x.ai": "x_ai",
    "api.deepseek.com": "deepseek",
    "api.perplexity.ai": "perplexity",
    "api.moonshot.ai": "moonshot_ai",
    "api.moonshot.cn": "moonshot_ai",
    "api.fireworks.ai": "fireworks",
    "api.cerebras.ai": "cerebras",
    "openrouter.ai": "openrouter",
    "router.huggingface.co": "huggingface",
    "api-inference.huggingface.co": "huggingface",
    "*.endpoints.huggingface.cloud": "huggingface",
    "api.voyageai.com": "voyage",
    "api.jina.ai": "jina",
    "api.writer.com": "writer",
    "api.ai21.com": "ai21",
    "api.replicate.com": "replicate",
    "*.ml.cloud.ibm.com": "ibm.watsonx.ai",
    "api.aleph-alpha.com": "aleph_alpha",
    "ollama.com": "ollama",
    "integrate.api.nvidia.com": "nvidia",
    "api.deepinfra.com": "deepinfra",
    "dashscope.aliyuncs.com": "dashscope",
    "dashscope-intl.aliyuncs.com": "dashscope",
    "api.z.ai": "z_ai",
    "open.bigmodel.cn": "z_ai",
}
"""Host to provider; ``*`` stands for any characters. A gateway or a server of one's own is not in it."""

_PATTERNS: Final = [(re.compile(translate(host)), name) for host, name in HOSTS.items() if "*" in host]


AZURE: Final = frozenset({"azure.ai.openai", "azure.ai.inference"})
"""Two products on the same hosts (``*.services.ai.azure.com``): the client's class tells which one it speaks to."""


@lru_cache(maxsize=1024)
def billed_by(host: str | None, declared: str) -> str:
    """Provider of a call by its host, if it is known; else, and between Azure's two, what the client ``declared``."""
    found = provider_of(host) if host else None
    return declared if found is None or (found in AZURE and declared in AZURE) else found


@lru_cache(maxsize=1024)
def provider_of(host: str) -> str | None:
    """The provider behind a host name (no port), or ``None`` if it is not a known one. Misses are cached, too."""
    host = host.lower().rstrip(".")
    exact = HOSTS.get(host)
    if exact is not None:
        return exact
    return next((name for pattern, name in _PATTERNS if pattern.match(host)), None)
