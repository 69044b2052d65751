"""A model's name as the label of a metric: one label for what is one model, and nothing in it of whose it is.

``gpt-4o``, ``GPT-4O``, ``models/gpt-4o`` and, at OpenAI, ``openai/gpt-4o`` are one series. Ids of accounts, projects
and organisations stand in ARNs, resource paths and names of fine-tuned models, and go. What may change the price stays:
the date of a snapshot, the region of an inference profile, a route. Spans have the exact name.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

REMEMBERED: Final = 4096
"""Names whose label is found again."""
NAME_CAP: Final = 512
"""Characters of a name that is remembered. A longer one is cut: a label is shorter by far."""

_ARN: Final = re.compile(r"^arn:[^:]*:[^:]*:[^:]*:[^:]*:(?:[^/:]+[/:])?(.+)$")
_TUNED: Final = re.compile(r"(^|/)ft:([^:]+):.*$")
"""OpenAI ``ft:base:organisation:suffix:id``, Mistral ``ft:base:organisation:date:id``."""
_TUNED_ONCE: Final = re.compile(r"^([^:/]+):ft-.*$")
"""OpenAI until 2023: ``base:ft-organisation:suffix``."""
_OWNED: Final = ("projects/", "accounts/")
"""Resource paths: Vertex AI ``projects/{id}/locations/{region}/endpoints/{id}``, Fireworks
``accounts/{id}/models/{model}#accounts/{id}/deployments/{id}``."""
_VENDORS: Final = {
    "anthropic": "anthropic", "cohere": "cohere", "deepseek": "deepseek", "gcp.gemini": "gemini", "groq": "groq",
    "mistral_ai": "mistral", "openai": "openai", "x_ai": "xai",
}  # fmt: skip
"""How gateways and frameworks name a provider before a model, by ``gen_ai.provider.name``. Elsewhere the vendor tells
two models apart (OpenRouter)."""


def label(provider: str, model: str | None) -> str:
    """The label of a request's or a response's model; empty for ``None``. Bounded in neither number nor length: that
    is what :class:`~otel_llm.signals.labels.CappedLabel` is for."""
    return _label(provider, model[:NAME_CAP]) if model else ""


@lru_cache(maxsize=REMEMBERED)
def _label(provider: str, model: str) -> str:
    found = model.strip().lower()
    if "://" in found:  # an endpoint of one's own (huggingface_hub): its path and query may hold a key
        return _host(found)
    arn = _ARN.match(found)
    if arn is not None:
        found = arn[1]
    elif found.startswith(_OWNED):
        found = found.partition("#")[0].rpartition("/")[2]
    found = found.rpartition("models/")[2] or found
    found = found.removeprefix(_VENDORS.get(provider, "") + "/")
    found = _TUNED.sub(r"\1ft:\2", found)
    return _TUNED_ONCE.sub(r"ft:\1", found)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
