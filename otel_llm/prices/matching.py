"""From a provider's and a model's name as telemetry has them to a model of the price table.

Nothing is guessed: a name has to be listed or to fit a rule of the table, as it stands or without an addition that
is known not to change the price (a path, a snapshot date). Own and self-hosted models are in no table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from otel_llm.prices.table import Model, Provider, Table

TABLE_PROVIDER = {
    "azure": "azure",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "aws.bedrock": "aws",
    "bedrock": "aws",
    "fireworks": "fireworks",
    "fireworks_ai": "fireworks",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "gemini": "google",
    "mistral_ai": "mistral",
    "moonshot_ai": "moonshotai",
    "together_ai": "together",
    "vertex_ai": "google",
    "voyage": "voyageai",
    "voyage_ai": "voyageai",
    "x_ai": "x-ai",
    "xai": "x-ai",
    "z_ai": "zai",
}
"""``gen_ai.provider.name`` (the conventions' values, and what LiteLLM calls them) to genai-prices' id. Providers that
are not here are looked up by their own name."""

HUGGING_FACE = frozenset({"hugging_face", "huggingface"})
LITELLM = "litellm"

_ARN = re.compile(r"^arn:aws[a-z-]*:bedrock:[^:]*:[^:]*:([a-z-]+)/(.+)$")
_NAMED_RESOURCES = frozenset({"foundation-model", "inference-profile"})
_REGION = re.compile(r"^(?:us|us-gov|eu|apac|jp|au|ca|sa|mx|global)\.")
_VERSION = re.compile(r"@(?:default|latest)$")
_DATE = re.compile(r"[-@](20\d\d)-?(\d\d)-?(\d\d)$")
_COMPACT_DATE = re.compile(r"-(20\d\d)(\d\d)(\d\d)(?=-|:|$)")


class Matcher:
    """Finds models of one table. Immutable once built; an index per provider is made on first use."""

    def __init__(self, table: Table) -> None:
        self._providers = table.providers
        self._indexes: dict[str, _Index] = {}

    def find(self, provider: str, model: str) -> tuple[Model, bool] | None:
        """The model, and whether the provider's own table has it (``False``: taken from a fallback provider, whose
        prices for service tiers are not this provider's)."""
        provider, model = route(provider.strip().lower(), model.strip().lower())
        found = self._providers.get(provider)
        if found is None:
            return None
        for name in candidates(model):
            for compared in dict.fromkeys((name, dashed(name))):
                if (own := self._index(provider, found).find(compared)) is not None:
                    return own, True
                for other in found.fallback:
                    if other in self._providers and (sold := self._index(other, self._providers[other]).find(compared)):
                        return sold, False
        return None

    def _index(self, name: str, provider: Provider) -> _Index:
        index = self._indexes.get(name)
        if index is None:
            index = self._indexes[name] = _Index(provider)
        return index


class _Index:
    """One provider's models: the first one in the table's order that fits a name wins, as in genai-prices."""

    def __init__(self, provider: Provider) -> None:
        self._models = provider.models
        self._exact: dict[str, int] = {}
        for position, model in enumerate(provider.models):
            for name in model.names:
                self._exact.setdefault(name, position)
        self._ruled = [(position, model) for position, model in enumerate(provider.models) if model.match]

    def find(self, name: str) -> Model | None:
        exact = self._exact.get(name)
        for position, model in self._ruled:
            if exact is not None and position >= exact:
                break
            if any(clause.matches(name) for clause in model.match):
                return model
        return None if exact is None else self._models[exact]


def route(provider: str, model: str) -> tuple[str, str]:
    """Provider's id in the table and the model's name there, for lower-case names. Gateways that resell at each
    vendor's price name the vendor in the model: LiteLLM ``vendor/model``, Hugging Face ``org/model:vendor``."""
    if provider == LITELLM and "/" in model:
        provider, model = model.split("/", 1)
    if provider in HUGGING_FACE and ":" in model:
        model, vendor = model.rsplit(":", 1)
        return f"huggingface_{vendor}", model
    return TABLE_PROVIDER.get(provider, provider), model


def candidates(model: str) -> Iterator[str]:
    """Names to try in turn for a lower-case model name: as it is, without path or ARN, without region, without date.

    ARNs of resources that do not name their model (application inference profiles, provisioned and custom models)
    give nothing: they need an alias. An ``ft:`` name is tried whole only, since fine-tuned models have other prices.
    """
    arn = _ARN.match(model)
    if arn is not None and arn[1] not in _NAMED_RESOURCES:
        return
    yield model
    if model.startswith("ft:"):
        return
    bare = arn[2] if arn is not None else model.rpartition("models/")[2]
    bare = _VERSION.sub("", bare)
    names = [bare, _REGION.sub("", bare)]
    names += [undated(name) for name in names]
    yield from (name for name in dict.fromkeys(names) if name and name != model)


def undated(name: str) -> str:
    """A name without the date of its snapshot: ``gpt-4o-2024-08-06``, ``claude-opus-4@20250514``."""
    found = _DATE.search(name)
    return name[: found.start()] if found is not None and _is_date(found) else name


def dashed(name: str) -> str:
    """A name with ``-20251211`` written ``-2025-12-11``, as genai-prices tries it next (its 0.2.3 does the same)."""
    return _COMPACT_DATE.sub(lambda found: "-{}-{}-{}".format(*found.groups()) if _is_date(found) else found[0], name)


def _is_date(found: re.Match[str]) -> bool:
    try:
        date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return False
    return True
