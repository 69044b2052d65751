"""Whose fault: every row of the tables, every recorded error, time-outs by phase, and real exceptions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from otel_llm import catalog, faults
from otel_llm.catalog import ERROR_CLASSES
from otel_llm.failures import conclude, error_class, error_type
from otel_llm.formats.facts import Facts, ReadsHeaders
from otel_llm.formats.table import recognise
from otel_llm.pack.error_document import markdown
from otel_llm.providers import provider_of
from tests.failures.rows import ANSWERS, EVENTS, Answer, Events
from tests.formats.recordings import exchanges


def read(answer: Answer) -> Facts:
    facts = Facts()
    if isinstance(answer.format, ReadsHeaders):
        answer.format.headers(answer.headers, facts)
    answer.format.body(json.dumps(answer.body).encode(), facts)
    return facts


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda row: f"{row.who}-{row.status}-{row.expected}")
def test_an_error_response(answer: Answer):
    facts = read(answer)
    assert facts.undecodable is None
    assert error_class(answer.status, facts, None) == answer.expected
    assert error_class(answer.status, facts, RuntimeError("the SDK's exception")) == answer.expected


@pytest.mark.parametrize("row", EVENTS, ids=lambda row: f"{row.who}-{row.expected}")
def test_an_error_event_inside_a_stream(row: Events):
    facts = Facts()
    row.format.event(json.dumps(row.event).encode(), facts)
    assert facts.failed()
    assert error_class(200, facts, None) == row.expected


@pytest.mark.parametrize(("word", "expected"), faults.CODES.items())
def test_a_code_counts_wherever_it_is_stated(word, expected):
    for facts in (Facts(error_code=word), Facts(error_type=word.upper()), Facts(error_detail=word.title())):
        assert error_class(None, facts, None) == expected
        assert error_type(None, facts, None).lower() == word


@pytest.mark.parametrize(("word", "expected"), faults.GENERIC.items())
def test_a_generic_type_is_weaker_than_the_status(word, expected):
    assert error_class(200, Facts(error_type=word), None) == expected
    assert error_class(401, Facts(error_type=word), None) == "auth"


@pytest.mark.parametrize(("status", "expected"), faults.STATUSES.items())
def test_a_bare_status(status, expected):
    assert error_class(status, Facts(), None) == expected
    assert error_type(status, Facts(), None) == str(status)
    assert error_class(200, Facts(error_code=str(status)), None) == expected


@pytest.mark.parametrize(("status", "expected"), [(418, "bad_request"), (451, "bad_request"), (507, "provider")])
def test_a_status_that_is_in_no_table(status, expected):
    assert error_class(status, Facts(), None) == expected


@pytest.mark.parametrize(("status", "expected"), faults.STATUS_RULES.items())
def test_a_telling_status_is_stronger_than_a_vague_code(status, expected):
    assert error_class(status, Facts(error_type="server_error"), None) == expected
    assert error_class(status, Facts(error_code="context_length_exceeded"), None) == "context_length"


@pytest.mark.parametrize("row", faults.WORDS, ids=lambda row: row.words)
def test_the_words_of_a_message(row):
    statuses = {"bad_request": 400, "rate_limit": 429, "auth": 403}
    said = Facts(error_message=f"Oh: {row.words.upper()} and more.")
    for kind in row.of:
        assert error_class(statuses[kind], said, None) == row.becomes
    assert error_class(500, said, None) == "provider"


@pytest.mark.parametrize(("name", "expected"), faults.EXCEPTIONS.items())
def test_an_exception_by_its_class_name(name, expected):
    kind = type(name, (Exception,), {})
    assert error_class(None, Facts(), kind()) == expected
    assert error_class(None, Facts(), type("OfAnSdk", (kind,), {})()) == expected
    outer = RuntimeError("wrapped")
    outer.__cause__ = kind()
    assert error_class(None, Facts(), outer) == expected


def test_what_nobody_says_anything_about_is_unknown():
    assert error_class(None, Facts(), ValueError("x")) == "unknown"
    assert error_class(200, Facts(), None) == "unknown"
    assert error_type(None, Facts(), None) == "_OTHER"


def test_a_chain_of_causes_that_never_ends():
    first, second = RuntimeError("a"), RuntimeError("b")
    first.__cause__, second.__cause__ = second, first
    assert error_class(None, Facts(), first) == "unknown"


def test_every_class_has_a_row():
    found = {*faults.CODES.values(), *faults.STATUSES.values(), *faults.EXCEPTIONS.values()}
    assert found | {"unknown"} == set(ERROR_CLASSES)


def test_error_type_is_a_code_of_the_tables_or_a_class_name():
    error = type("APIStatusError", (Exception,), {"__module__": "openai._exceptions"})()
    assert error_type(400, Facts(error_code="req-3f2a-and-more"), error) == "openai.APIStatusError"
    assert error_type(None, Facts(), TimeoutError()) == "TimeoutError"


RECORDED = {
    "aws-bedrock": "not_found", "cohere": "not_found", "ollama": "not_found", "azure-openai": "not_found",
    "google-vertex-d63c2d2da3c5": "bad_request", "google-vertex-8a4a51d40835": "not_found",
    "openai-ff9d57e61092": "bad_request", "openai-29b8032b157d": "bad_request",
    "openai-89f48cd5cbac": "auth", "openai-556d8e55dc78": "auth", "openai-bd61fdfe6a96": "not_found",
    "openai-762245302b81": "not_found", "openai-eaa689f003c3": "not_found",
}  # fmt: skip
"""Class of each recorded error, by its id or its provider."""


def test_recorded_errors(shared: Path):
    seen = 0
    for exchange, expected in exchanges(shared):
        if not expected["error"]:
            continue
        found = recognise(exchange["url"], provider_of(exchange["url"].split("/")[2]))
        if found is None:
            assert exchange["api"] == "openai.images"
            continue
        answer = Answer(
            "recorded", found.format, exchange["status"], json.loads(exchange["response_body"]), "unknown",
            exchange["response_headers"],
        )  # fmt: skip
        name = exchange["id"]
        wanted = RECORDED.get(name) or RECORDED[name.rpartition("-")[0]]
        assert error_class(exchange["status"], read(answer), None) == wanted, name
        seen += 1
    assert seen == 17


class TestConclusions:
    def test_a_time_out_states_its_phase(self):
        for name, phase in faults.PHASES.items():
            error = type("APITimeoutError", (Exception,), {})()
            error.__cause__ = type(name, (Exception,), {})()
            end = conclude("failed", error, None)
            assert (end.outcome, end.error_class, end.phase) == ("error", "timeout", phase)

    def test_what_is_no_time_out_has_no_phase(self):
        assert conclude("failed", ConnectionError(), None).phase is None
        assert conclude("failed", TimeoutError(), None).phase is None

    def test_an_exception_of_the_apps_own_may_be_false_or_broken(self):
        false = type("Empty", (Exception,), {"__len__": lambda _: 0})()
        false.__cause__ = TimeoutError()
        outer = RuntimeError()
        outer.__cause__ = false
        assert conclude("failed", outer, None).error_class == "timeout"

    def test_an_exception_that_raises_when_looked_at(self):
        def raises(_: object) -> None:
            raise OSError

        broken = type("Broken", (Exception,), {"__cause__": property(raises)})()
        end = conclude("failed", broken, None)
        assert (end.outcome, end.error_class, end.error_type) == ("error", "unknown", "Broken")

    def test_a_cancellation_is_no_error(self):
        assert conclude("failed", KeyboardInterrupt(), None).outcome == "cancelled"


def test_the_document_has_every_row():
    text = markdown()
    for word in (*faults.CODES, *faults.GENERIC, *faults.EXCEPTIONS, *(row.words for row in faults.WORDS)):
        assert word in text
    for line in text.splitlines():
        assert not line.startswith("|") or line.endswith("|")
    assert catalog.ERROR_CLASSES[0] in text
