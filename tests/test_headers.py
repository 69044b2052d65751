from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from otel_llm import catalog, headers

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""The machine may be busy: time says nothing here."""


@pytest.mark.parametrize(
    ("given_headers", "wanted"),
    [
        ({"x-request-id": "req_1"}, "req_1"),
        ({"request-id": "req_2"}, "req_2"),
        ({"x-request-id": "a", "apim-request-id": "b"}, "b"),
        ({"x-amzn-requestid": "c"}, "c"),
        ({"mistral-correlation-id": "d"}, "d"),
        ({"x-debug-trace-id": "e"}, "e"),
        ({"x-request-id": ""}, None),
        ({"x-request-id": "x" * 500}, "x" * 128),
        ({}, None),
    ],
)
def test_request_id(given_headers: dict[str, str], wanted: str | None) -> None:
    assert headers.request_id(given_headers) == wanted
    assert headers.request_id(httpx.Headers({name.title(): text for name, text in given_headers.items()})) == wanted


def pair(limit: str, remaining: str, size: str = "100", left: str = "7") -> dict[str, str]:
    return {limit: size, remaining: left}


@pytest.mark.parametrize(
    ("given_headers", "wanted"),
    [
        (
            pair("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "500", "499")
            | pair("x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "30000", "29000"),
            [("requests", 500, 499), ("tokens", 30000, 29000)],
        ),
        (
            pair("anthropic-ratelimit-requests-limit", "anthropic-ratelimit-requests-remaining")
            | pair("anthropic-ratelimit-input-tokens-limit", "anthropic-ratelimit-input-tokens-remaining")
            | pair("anthropic-ratelimit-output-tokens-limit", "anthropic-ratelimit-output-tokens-remaining", left="0"),
            [("requests", 100, 7), ("input_tokens", 100, 7), ("output_tokens", 100, 0)],
        ),
        (
            pair("x-ratelimit-limit-tokens-minute", "x-ratelimit-remaining-tokens-minute")
            | pair("x-ratelimit-limit-tokens-month", "x-ratelimit-remaining-tokens-month", "10000", "9000")
            | pair("x-ratelimit-limit-req-10-second", "x-ratelimit-remaining-req-10-second", "60", "51"),
            [("tokens", 100, 7), ("requests", 60, 51)],
        ),
        (pair("x-ratelimit-limit", "x-ratelimit-remaining", "2", "0"), [("requests", 2, 0)]),
        (
            {"ratelimit": '"api";r=499;t=120', "ratelimit-policy": '"window";"api";q=500;w=300'},
            [("requests", 500, 499)],
        ),
        ({"x-ratelimit-remaining-requests": "9"}, []),
        ({"x-ratelimit-limit-requests": "9"}, []),
        (pair("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "-1", "-1"), []),
        (pair("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "0", "0"), []),
        (pair("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "nan", "inf"), []),
        ({"ratelimit": "limit=10"}, []),
        ({}, []),
    ],
)
def test_rate_limits(given_headers: dict[str, str], wanted: list[tuple[str, float, float]]) -> None:
    as_sent = CaseInsensitiveDict({name.upper(): text for name, text in given_headers.items()})
    for given_so in (given_headers, as_sent):
        assert sorted(found[:3] for found in headers.rate_limits(given_so)) == sorted(wanted)
    assert {kind for kind, _, _ in wanted} <= set(catalog.LIMIT_KINDS)


@pytest.mark.parametrize(
    ("given_headers", "wanted"),
    [
        ({"retry-after": "49"}, 49),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Sun, 22 Nov 2026 10:00:30 GMT", "date": "Sun, 22 Nov 2026 10:00:00 GMT"}, 30),
        ({"retry-after": "Sun, 22 Nov 2026 09:00:00 GMT", "date": "Sun, 22 Nov 2026 10:00:00 GMT"}, 0),
        ({"retry-after": "Sun, 22 Nov 2026 10:00:30 GMT"}, None),
        ({"retry-after": "soon", "date": "Sun, 22 Nov 2026 10:00:00 GMT"}, None),
        ({"retry-after": "Sun, 22 Nov 2026 10:00:30", "date": "Sun, 22 Nov 2026 10:00:00 GMT"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "inf"}, None),
        ({}, None),
    ],
)
def test_retry_after(given_headers: dict[str, str], wanted: float | None) -> None:
    assert headers.retry_after(given_headers) == wanted


NAMES = [*headers.REQUEST_IDS, "retry-after", "retry-after-ms", "date", "ratelimit", "ratelimit-policy"]
NAMES += [name for dialect in headers.DIALECTS for row in dialect for name in row[1:]]


@PATIENT
@given(st.dictionaries(st.sampled_from(NAMES), st.text() | st.from_regex(r"[-+0-9.eE;rq= ]*", fullmatch=True)))
def test_no_value_raises(found: dict[str, str]) -> None:
    headers.request_id(found)
    wait = headers.retry_after(found)
    assert wait is None or wait >= 0
    assert all(size > 0 and left >= 0 for _, size, left, _ in headers.rate_limits(found))


def test_recorded_headers(shared: Path) -> None:
    """Providers that send ids and limits: nearly every recording with headers has them."""
    ids: Counter[str] = Counter()
    kinds: Counter[tuple[str, str]] = Counter()
    with gzip.open(shared / "recordings" / "exchanges.jsonl.gz", "rt") as lines:
        for line in lines:
            row = json.loads(line)
            ids[row["provider"]] += headers.request_id(row["response_headers"]) is not None
            kinds.update((row["provider"], kind) for kind, _, _, _ in headers.rate_limits(row["response_headers"]))
    assert (ids["openai"], ids["azure.openai"], ids["anthropic"], ids["aws.bedrock"]) == (372, 32, 29, 90)
    assert (ids["mistral"], ids["cohere"], ids["voyage"]) == (11, 32, 3)
    assert (kinds["openai", "requests"], kinds["openai", "tokens"]) == (285, 284)
    assert (kinds["azure.openai", "requests"], kinds["mistral", "tokens"], kinds["together", "requests"]) == (28, 7, 1)
    assert [kinds["anthropic", kind] for kind in catalog.LIMIT_KINDS] == [25, 26, 23, 23]


@pytest.mark.parametrize(
    ("stated", "seconds"),
    [
        ("6m0s", 360), ("1ms", 0.001), ("0s", 0), ("7.66s", 7.66), ("2m59.56s", 179.56), ("1h2m3s", 3723),
        ("1d2h", 93600), ("120ms", 0.12), ("500", 500), ("33.5", 33.5), ("2026-11-22T12:00:30Z", 30),
        ("2026-11-22T12:00:30", 30), ("2026-11-22T11:00:00+00:00", 0), ("soon", None), ("-1", None), ("1.2.3s", None),
        ("s", None),
    ],
)  # fmt: skip
def test_resets_in_every_form(stated: str, seconds: float | None) -> None:
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
    assert headers.seconds_until(stated, noon) == (seconds if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("given_headers", "wanted"),
    [
        (
            pair("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests") | {"x-ratelimit-reset-requests": "6m"},
            "6m",
        ),
        (
            pair("anthropic-ratelimit-tokens-limit", "anthropic-ratelimit-tokens-remaining")
            | {"anthropic-ratelimit-tokens-reset": "2026-11-22T12:00:30Z"},
            "2026-11-22T12:00:30Z",
        ),
        (pair("x-ratelimit-limit", "x-ratelimit-remaining") | {"x-ratelimit-reset": "1"}, "1"),
        ({"ratelimit": '"api";r=499;t=120', "ratelimit-policy": '"window";"api";q=500;w=300'}, "120"),
        (pair("x-ratelimit-limit", "x-ratelimit-remaining"), None),
    ],
)
def test_a_limit_has_the_reset_that_was_stated_with_it(given_headers: dict[str, str], wanted: str | None) -> None:
    assert [limit.reset for limit in headers.rate_limits(given_headers)] == [wanted]


@given(st.text(max_size=30))
def test_no_reset_raises(text: str) -> None:
    found = headers.seconds_until(text, 0.0)
    assert found is None or found >= 0
