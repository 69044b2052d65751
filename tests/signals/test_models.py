"""A model's label: one for one model, with nothing of whose it is, the same on every metric."""

from __future__ import annotations

import string
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

import otel_llm
from otel_llm import catalog
from otel_llm.demo.emulator import Emulator, Reply, Usage
from otel_llm.prices.pricing import PriceTable
from otel_llm.signals.models import NAME_CAP, label
from tests.telemetry import observed

ACCOUNT, ORGANISATION = "123456789012", "acme-corp"
ARN = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}"

ROWS = [
    ("openai", "gpt-4o", "gpt-4o"),
    ("openai", "GPT-4O", "gpt-4o"),
    ("openai", " gpt-4o ", "gpt-4o"),
    ("openai", "models/gpt-4o", "gpt-4o"),
    ("openai", "openai/gpt-4o", "gpt-4o"),
    ("openrouter", "openai/gpt-4o", "openai/gpt-4o"),
    ("openai", "gpt-4o-2024-08-06", "gpt-4o-2024-08-06"),
    ("openai", f"ft:gpt-4o:{ORGANISATION}:suffix:id", "ft:gpt-4o"),
    ("openai", f"ft:gpt-4o-2024-08-06:{ORGANISATION}::id", "ft:gpt-4o-2024-08-06"),
    ("openai", f"openai/ft:gpt-4o:{ORGANISATION}::id", "ft:gpt-4o"),
    ("openrouter", f"openai/ft:gpt-4o:{ORGANISATION}::id", "openai/ft:gpt-4o"),
    ("openai", f"curie:ft-{ORGANISATION}:mine-2023-01-01", "ft:curie"),
    ("mistral_ai", f"ft:open-mistral-7b:{ORGANISATION}:20240430:c1bed559", "ft:open-mistral-7b"),
    ("mistral_ai", "mistral-large-latest", "mistral-large-latest"),
    ("gcp.gemini", "models/gemini-2.5-pro", "gemini-2.5-pro"),
    ("gcp.gemini", "gemini/gemini-2.5-pro", "gemini-2.5-pro"),
    ("gcp.gemini", "tunedModels/mine-abc", "mine-abc"),
    ("gcp.vertex_ai", "publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro"),
    ("gcp.vertex_ai", f"projects/{ACCOUNT}/locations/eu/publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro"),
    ("gcp.vertex_ai", f"projects/{ACCOUNT}/locations/eu/endpoints/77", "77"),
    ("gcp.vertex_ai", "claude-opus-4@20250514", "claude-opus-4@20250514"),
    ("fireworks", "accounts/fireworks/models/llama-v3p1-8b-instruct", "llama-v3p1-8b-instruct"),
    ("fireworks", f"accounts/{ORGANISATION}/models/m#accounts/{ORGANISATION}/deployments/d", "m"),
    ("fireworks", f"accounts/{ORGANISATION}/deployments/d", "d"),
    ("aws.bedrock", "anthropic.claude-3-5-sonnet-20240620-v1:0", "anthropic.claude-3-5-sonnet-20240620-v1:0"),
    ("aws.bedrock", "eu.amazon.nova-lite-v1:0", "eu.amazon.nova-lite-v1:0"),
    ("aws.bedrock", f"{ARN}:inference-profile/eu.amazon.nova-lite-v1:0", "eu.amazon.nova-lite-v1:0"),
    ("aws.bedrock", "arn:aws:bedrock:eu-west-1::foundation-model/amazon.titan-text", "amazon.titan-text"),
    ("aws.bedrock", f"{ARN}:application-inference-profile/a1b2c3", "a1b2c3"),
    ("aws.bedrock", f"arn:aws-us-gov:sagemaker:us-gov-east-1:{ACCOUNT}:endpoint/mine", "mine"),
    ("huggingface", "meta-llama/Llama-3.1-8B-Instruct", "meta-llama/llama-3.1-8b-instruct"),
    ("huggingface", "https://user:secret@abc.endpoints.test/v1/models/x?key=secret", "abc.endpoints.test"),
    ("huggingface", "https://[broken", ""),
    ("openai", "", ""),
    ("openai", None, ""),
]


@pytest.mark.parametrize(("provider", "model", "wanted"), ROWS)
def test_label(provider: str, model: str | None, wanted: str) -> None:
    found = label(provider, model)
    assert found == wanted
    assert label(provider, found) == found
    for private in (ACCOUNT, ORGANISATION, "secret"):
        assert private not in found


PROVIDERS = st.sampled_from(sorted({provider for provider, _, _ in ROWS}))
NAMES = st.text(string.ascii_letters + string.digits + "-._:", min_size=1, max_size=40)


@given(PROVIDERS, st.text(max_size=2 * NAME_CAP))
def test_any_text_gives_a_label(provider: str, model: str) -> None:
    assert len(label(provider, model)) <= 2 * NAME_CAP  # a lower-case letter may be two
    assert label(provider, model.strip()) == label(provider, model) or len(model) > NAME_CAP


@given(PROVIDERS, NAMES)
def test_whose_it_is_makes_no_other_label(provider: str, name: str) -> None:
    plain = label(provider, name)
    assert label(provider, name.upper()) == plain
    assert label(provider, f"models/{name}") == plain
    assert label(provider, f"publishers/x/models/{name}") == plain
    if not name.startswith((":", "ft:")):
        assert label(provider, f"{ARN}:inference-profile/{name}") == plain
        tuned = name.partition(":")[0]
        assert label(provider, f"ft:{tuned}:{ORGANISATION}:x:y") == f"ft:{tuned.lower()}"


def test_what_is_listed_keeps_its_price() -> None:
    """Names of one label are one model to the price table: the label never puts two listed models together."""
    prices = PriceTable()
    seen: dict[tuple[str, str], Any] = {}
    for provider, model, _ in ROWS:
        listed = prices.listed(provider, model) if model else None
        if listed is not None:
            assert seen.setdefault((provider, label(provider, model)), listed) == listed
    assert seen


def test_every_metric_has_the_same(emulator: Emulator) -> None:
    spellings = ["gpt-4o", "GPT-4O", "models/gpt-4o", "openai/gpt-4o"]
    emulator.script = lambda _: Reply.chat(model="GPT-4o", usage=Usage(input=1, output=1))
    with observed(attribution="tenant") as telemetry, otel_llm.attribution(tenant="t"):
        with openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as client:
            for model in spellings:
                client.chat.completions.create(model=model, messages=[{"role": "user", "content": model}])
        assert [span[catalog.REQUEST_MODEL] for span in telemetry.spans()] == spellings
        key = catalog.label_name(catalog.REQUEST_MODEL)
        shown = {sample.name: sample.labels[key] for sample in telemetry.samples() if key in sample.labels}
        assert set(shown.values()) == {"gpt-4o"}
        for metric in (
            catalog.CALLS, catalog.COST, catalog.ATTRIBUTED_CALLS, catalog.RATELIMIT_REMAINING, catalog.DURATION,
            catalog.TOKEN_USAGE, catalog.INFLIGHT,
        ):  # fmt: skip
            assert any(name.startswith(metric.prometheus) for name in shown)
        assert telemetry.value(catalog.CALLS) == telemetry.value(catalog.DURATION) == 4
        served = catalog.label_name(catalog.RESPONSE_MODEL)
        assert {s.labels[served] for s in telemetry.samples() if served in s.labels} == {"gpt-4o"}
