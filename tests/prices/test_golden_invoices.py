"""Invoices worked out by hand from the providers' published prices: tokens / 1,000,000 x price, per token type.

The pages were read in November 2026; each row names its page and its prices in US dollars per million tokens. A row
that fails after ``make prices`` means that a price changed: check the page, then the row's date, then the table.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from otel_llm.catalog import TOKEN_TYPES
from otel_llm.formats.facts import Usage
from otel_llm.prices import Priced, PriceTable
from otel_llm.prices.cost import Unpriced

OPENAI = "https://developers.openai.com/api/docs/pricing"
PRIORITY = "https://openai.com/api-priority-processing/"
ANTHROPIC = "https://platform.claude.com/docs/en/about-claude/pricing"
ANTHROPIC_BATCH = "https://docs.anthropic.com/en/docs/build-with-claude/batch-processing"
FAST = "https://platform.claude.com/docs/en/build-with-claude/fast-mode"
GEMINI = "https://ai.google.dev/gemini-api/docs/pricing"
BEDROCK = "https://aws.amazon.com/bedrock/pricing/"
AZURE = "https://azure.microsoft.com/en-us/pricing/details/cognitive-services/openai-service/"
DEEPSEEK = "https://api-docs.deepseek.com/quick_start/pricing"
GROQ = "https://groq.com/pricing"
COHERE = "https://cohere.com/pricing"
XAI = "https://docs.x.ai/docs/models"


class Invoice(msgspec.Struct, frozen=True):
    source: str
    provider: str
    model: str
    usage: Usage
    lines: tuple[float, float, float, float, float]
    """Dollars in the order of TOKEN_TYPES: input, cache read, cache write, output, reasoning."""
    total: float
    savings: float = 0.0
    tier: str | None = None
    at: datetime = datetime(2026, 11, 16, 12, 0, tzinfo=UTC)


INVOICES = [
    # 2.50 in, 1.25 cached, 10.00 out: 8,000 fresh, 2,000 cached, 1,000 out
    Invoice(
        OPENAI, "openai", "gpt-4o-2024-08-06", Usage(input=10_000, cache_read=2_000, output=1_000),
        (0.02, 0.0025, 0.0, 0.01, 0.0), 0.0325, savings=0.0025,
    ),
    # 0.15 in, 0.075 cached, 0.60 out: 1,000,000 in, half of it cached, 250,000 out
    Invoice(
        OPENAI, "openai", "gpt-4o-mini", Usage(input=1_000_000, cache_read=500_000, output=250_000),
        (0.075, 0.0375, 0.0, 0.15, 0.0), 0.2625, savings=0.0375,
    ),
    # 1.25 in, 0.125 cached, 10.00 out: 4,000 fresh, 16,000 cached, 3,000 out of which 2,200 reasoning
    Invoice(
        OPENAI, "openai", "gpt-5-2025-08-07", Usage(input=20_000, cache_read=16_000, output=3_000, reasoning=2_200),
        (0.005, 0.002, 0.0, 0.008, 0.022), 0.037, savings=0.018,
    ),
    # the same call on priority: 2.50 in, 0.25 cached, 20.00 out
    Invoice(
        PRIORITY, "openai", "gpt-5-2025-08-07", Usage(input=20_000, cache_read=16_000, output=3_000, reasoning=2_200),
        (0.01, 0.004, 0.0, 0.016, 0.044), 0.074, savings=0.036, tier="priority",
    ),
    # the same call on flex: 0.625 in, 0.0625 cached, 5.00 out
    Invoice(
        OPENAI, "openai", "gpt-5-2025-08-07", Usage(input=20_000, cache_read=16_000, output=3_000, reasoning=2_200),
        (0.0025, 0.001, 0.0, 0.004, 0.011), 0.0185, savings=0.009, tier="flex",
    ),
    # 2.00 in, 0.50 cached, 8.00 out
    Invoice(
        OPENAI, "openai", "gpt-4.1", Usage(input=50_000, cache_read=40_000, output=5_000),
        (0.02, 0.02, 0.0, 0.04, 0.0), 0.08, savings=0.06,
    ),
    # gpt-4o-mini fine-tuned: 0.30 in, 1.20 out
    Invoice(
        OPENAI, "openai", "ft:gpt-4o-mini-2024-07-18:acme::9abc", Usage(input=10_000, output=5_000),
        (0.003, 0.0, 0.0, 0.006, 0.0), 0.009,
    ),
    # 0.02 in
    Invoice(
        OPENAI, "openai", "text-embedding-3-small", Usage(input=1_500_000), (0.03, 0.0, 0.0, 0.0, 0.0), 0.03,
    ),
    # 2.50 in, 1.25 cached, 10.00 out: Azure's global deployments cost what OpenAI asks
    Invoice(
        AZURE, "azure.ai.openai", "gpt-4o-2024-11-20", Usage(input=4_000, output=1_000),
        (0.01, 0.0, 0.0, 0.01, 0.0), 0.02,
    ),
    # Opus 5: 5 in, 6.25 written for 5 min, 10 for 1 h, 0.50 read, 25 out:
    # 1,000 fresh, 20,000 read, 9,000 written of which 4,000 for 1 h (5,000 x 6.25 + 4,000 x 10 = 71,250)
    Invoice(
        ANTHROPIC, "anthropic", "claude-opus-5",
        Usage(input=30_000, cache_read=20_000, cache_write=9_000, cache_write_1h=4_000, output=2_000),
        (0.005, 0.01, 0.07125, 0.05, 0.0), 0.13625, savings=0.09,
    ),
    # Opus 5 in fast mode, as the answer's usage.speed says: twice the price, 10 in, 1 read, 50 out
    Invoice(
        FAST, "anthropic", "claude-opus-5", Usage(input=10_000, cache_read=4_000, output=2_000),
        (0.06, 0.004, 0.0, 0.1, 0.0), 0.164, savings=0.036, tier="fast",
    ),
    # Haiku 4.5: 1 in, 1.25 written, 0.10 read, 5 out
    Invoice(
        ANTHROPIC, "anthropic", "claude-haiku-4-5-20251001",
        Usage(input=12_000, cache_read=8_000, cache_write=2_000, output=600),
        (0.002, 0.0008, 0.0025, 0.003, 0.0), 0.0083, savings=0.0072,
    ),
    # the same call in a batch, at half of each price: 0.50 in, 0.625 written, 0.05 read, 2.50 out
    Invoice(
        ANTHROPIC_BATCH, "anthropic", "claude-haiku-4-5-20251001",
        Usage(input=12_000, cache_read=8_000, cache_write=2_000, output=600),
        (0.001, 0.0004, 0.00125, 0.0015, 0.0), 0.00415, savings=0.0036, tier="batch",
    ),
    # Haiku 5.5 up to a prompt of 100,000: 0.10 in, 0.50 out
    Invoice(
        ANTHROPIC, "anthropic", "claude-haiku-5-5", Usage(input=100_000, output=1_000),
        (0.01, 0.0, 0.0, 0.0005, 0.0), 0.0105,
    ),
    # Haiku 5.5 above: 0.50 in, 2.50 out, for all of the call's tokens (100,001 x 0.50 = 50,000.5)
    Invoice(
        ANTHROPIC, "anthropic", "claude-haiku-5-5", Usage(input=100_001, output=1_000),
        (0.0500005, 0.0, 0.0, 0.0025, 0.0), 0.0525005,
    ),
    # Gemini 2.5 Pro up to 200,000: 1.25 in, 0.125 cached, 10 out with thinking
    Invoice(
        GEMINI, "gcp.gemini", "models/gemini-2.5-pro",
        Usage(input=200_000, cache_read=100_000, output=2_000, reasoning=1_500),
        (0.125, 0.0125, 0.0, 0.005, 0.015), 0.1575, savings=0.1125,
    ),
    # Gemini 2.5 Pro above: 2.50 in, 0.25 cached, 15 out
    Invoice(
        GEMINI, "gcp.vertex_ai", "publishers/google/models/gemini-2.5-pro",
        Usage(input=300_000, cache_read=100_000, output=2_000, reasoning=1_500),
        (0.5, 0.025, 0.0, 0.0075, 0.0225), 0.555, savings=0.225,
    ),
    # Gemini 2.5 Flash: 0.30 text in, 1.00 audio in, 2.50 out: 10,000 text (0.003) and 20,000 audio (0.02)
    Invoice(
        GEMINI, "gcp.gemini", "gemini-2.5-flash", Usage(input=30_000, input_audio=20_000, output=400),
        (0.023, 0.0, 0.0, 0.001, 0.0), 0.024,
    ),
    # Gemini 3.8 Flash TTS until the end of 2026: 0.50 text in, 9.00 audio out, as Vertex's trafficType says
    Invoice(
        GEMINI, "gcp.vertex_ai", "gemini-3.8-flash-tts", Usage(input=10_000, output=2_000),
        (0.005, 0.0, 0.0, 0.018, 0.0), 0.023, tier="ON_DEMAND",
    ),
    # Flex costs half of it
    Invoice(
        GEMINI, "gcp.vertex_ai", "gemini-3.8-flash-tts", Usage(input=10_000, output=2_000),
        (0.0025, 0.0, 0.0, 0.009, 0.0), 0.0115, tier="ON_DEMAND_FLEX",
    ),
    # Priority 1.8 times as much
    Invoice(
        GEMINI, "gcp.vertex_ai", "gemini-3.8-flash-tts", Usage(input=10_000, output=2_000),
        (0.009, 0.0, 0.0, 0.0324, 0.0), 0.0414, tier="ON_DEMAND_PRIORITY",
    ),
    # Nova Pro: 0.80 in, 0.20 cached, 3.20 out
    Invoice(
        BEDROCK, "aws.bedrock", "us.amazon.nova-pro-v1:0", Usage(input=10_000, cache_read=5_000, output=1_000),
        (0.004, 0.001, 0.0, 0.0032, 0.0), 0.0082, savings=0.003,
    ),
    # Sonnet 4.5 on a regional endpoint, 10 % above the global one: 3.30 in, 16.50 out
    Invoice(
        BEDROCK, "aws.bedrock",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        Usage(input=10_000, output=2_000), (0.033, 0.0, 0.0, 0.033, 0.0), 0.066,
    ),
    # Sonnet 4.5 on a global endpoint: 3 in, 3.75 written for 5 min, 6 for 1 h, 15 out: 4,000 fresh, 6,000 written, of
    # which 4,000 for 1 h as cacheDetails says (2,000 x 3.75 + 4,000 x 6 = 31,500)
    Invoice(
        BEDROCK, "aws.bedrock", "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
        Usage(input=10_000, cache_write=6_000, cache_write_1h=4_000, output=1_000),
        (0.012, 0.0, 0.0315, 0.015, 0.0), 0.0585,
    ),
    # DeepSeek flash off-peak: 0.15 miss, 0.003 hit, 0.60 out
    Invoice(
        DEEPSEEK, "deepseek", "deepseek-flash", Usage(input=100_000, cache_read=60_000, output=10_000),
        (0.006, 0.00018, 0.0, 0.006, 0.0), 0.01218, savings=0.00882,
    ),
    # DeepSeek flash at peak (01:00 to 04:00 UTC, a Monday): 0.30 miss, 0.006 hit, 1.20 out
    Invoice(
        DEEPSEEK, "deepseek", "deepseek-flash", Usage(input=100_000, cache_read=60_000, output=10_000),
        (0.012, 0.00036, 0.0, 0.012, 0.0), 0.02436, savings=0.01764, at=datetime(2026, 11, 16, 1, 0, tzinfo=UTC),
    ),
    # 0.59 in, 0.79 out
    Invoice(
        GROQ, "groq", "llama-3.3-70b-versatile", Usage(input=10_000, output=2_000),
        (0.0059, 0.0, 0.0, 0.00158, 0.0), 0.00748, tier="on_demand",
    ),
    # Command R: 0.15 in, 0.60 out
    Invoice(
        COHERE, "cohere", "command-r-08-2024", Usage(input=20_000, output=5_000),
        (0.003, 0.0, 0.0, 0.003, 0.0), 0.006,
    ),
    # Grok 4: 3 in, 0.75 cached, 15 out
    Invoice(
        XAI, "x_ai", "grok-4-0709", Usage(input=10_000, cache_read=4_000, output=1_000, reasoning=700),
        (0.018, 0.003, 0.0, 0.0045, 0.0105), 0.036, savings=0.009,
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    "invoice", INVOICES, ids=lambda invoice: f"{invoice.model}-{invoice.usage.input}-{invoice.tier}"
)
def test_invoice(invoice: Invoice) -> None:
    result = PriceTable().price(
        invoice.provider, invoice.model, invoice.usage, at=invoice.at, service_tier=invoice.tier
    )
    assert isinstance(result, Priced)
    assert result.source == "table"
    assert result.dollars == pytest.approx(dict(zip(TOKEN_TYPES, invoice.lines, strict=True)), rel=1e-12, abs=0)
    assert result.total == pytest.approx(invoice.total, rel=1e-12)
    assert sum(invoice.lines) == pytest.approx(invoice.total, rel=1e-12)
    assert result.savings == pytest.approx(invoice.savings, rel=1e-9, abs=0)


def test_what_is_not_paid_by_the_token_has_no_price() -> None:
    usage, at = Usage(input=10, output=1), datetime(2026, 11, 16, tzinfo=UTC)
    price = PriceTable().price("gcp.vertex_ai", "gemini-2.5-flash", usage, at=at, service_tier="PROVISIONED_THROUGHPUT")
    assert price == Unpriced("unknown_service_tier")


def test_enough_models_and_kinds_of_price_are_covered() -> None:
    assert len({invoice.model for invoice in INVOICES}) >= 12
    assert {"flex", "priority", "batch"} <= {invoice.tier for invoice in INVOICES}
    assert any(invoice.usage.cache_write_1h for invoice in INVOICES)
    assert any(invoice.usage.cache_write and not invoice.usage.cache_write_1h for invoice in INVOICES)
    assert any(invoice.usage.input_audio for invoice in INVOICES)
    assert all(invoice.source.startswith("https://") for invoice in INVOICES)
