"""Cutting bodies into payloads: the same payloads wherever the network cuts the bytes."""

from __future__ import annotations

import json
import re
import struct
import time
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otel_llm.formats import framing
from otel_llm.formats.eventstream import EventStream
from otel_llm.formats.framing import Framing, JsonLines, ServerSentEvents, WholeBody
from otel_llm.formats.json_array import JsonArray

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""The machine may be busy: time says nothing here."""


def cut(cutter: Framing, *pieces: bytes) -> list[bytes]:
    found = [payload for piece in pieces for payload in cutter.feed(piece)]
    return found + cutter.end()


def at_every_border(make: Callable[[], Framing], data: bytes) -> list[bytes]:
    """The payloads of ``data``, which must be the same for each cut into two, byte by byte, and event by event."""
    once = cut(make(), data)
    for border in range(len(data) + 1):
        assert cut(make(), data[:border], data[border:]) == once, border
    assert cut(make(), *(data[at : at + 1] for at in range(len(data)))) == once
    assert cut(make(), *re.split(rb"(?<=\n\n)", data)) == once
    return once


# ------------------------------------------------------------------------------------------ server-sent events


@pytest.mark.parametrize("line", [b"\n", b"\r\n", b"\r"])
def test_line_ends(line: bytes) -> None:
    data = line.join([b"event: a", b'data: {"n":1}', b"", b'data: {"n":2}', b"", b"data: [DONE]", b"", b""])
    assert at_every_border(ServerSentEvents, data) == [b'{"n":1}', b'{"n":2}', b"[DONE]"]


def test_line_ends_mixed() -> None:
    data = b'data: {"n":1}\n\r\ndata: {"n":2}\r\r\ndata: {"n":3}\r\n\n'
    assert at_every_border(ServerSentEvents, data) == [b'{"n":1}', b'{"n":2}', b'{"n":3}']


def test_line_separators_inside_json_do_not_cut() -> None:
    text = json.dumps({"text": "a\u2028b\u2029c\x85d\x0b\x0c\x1c"}, ensure_ascii=False).encode()
    assert at_every_border(ServerSentEvents, b"data: " + text + b"\n\n") == [text]
    assert at_every_border(JsonLines, text + b"\n" + text) == [text, text]


def test_several_data_lines_make_one_event() -> None:
    assert at_every_border(ServerSentEvents, b'data: {"a":\ndata:1,\ndata\ndata:  "b":2}\n\n') == [
        b'{"a":\n1,\n\n "b":2}'
    ]


def test_one_space_after_the_colon_goes() -> None:
    assert at_every_border(ServerSentEvents, b"data:x\n\ndata: x\n\ndata:  x\n\n") == [b"x", b"x", b" x"]


def test_comments_ids_and_other_fields_are_no_data() -> None:
    data = b": ping\n\n:\n\nid: 7\nretry: 1\n\nevent: message\ndata: x\n: in between\n\nevent: done\n\ndatabase: y\n\n"
    assert at_every_border(ServerSentEvents, data) == [b"x"]


def test_byte_order_mark_goes() -> None:
    assert at_every_border(ServerSentEvents, b"\xef\xbb\xbfdata: x\n\ndata: y\n\n") == [b"x", b"y"]


def test_byte_order_mark_stands_at_the_beginning_alone() -> None:
    assert at_every_border(ServerSentEvents, b"data: x\n\n\xef\xbb\xbfdata: y\n\ndata: z\n\n") == [b"x", b"z"]


def test_empty_data_is_no_event() -> None:
    assert at_every_border(ServerSentEvents, b"data:\n\ndata: \n\ndata: x\n\n") == [b"x"]


def test_last_event_without_its_empty_line() -> None:
    assert at_every_border(ServerSentEvents, b"data: x\n\ndata: y") == [b"x", b"y"]
    assert at_every_border(ServerSentEvents, b"data: x\n\ndata: y\n") == [b"x", b"y"]


PAYLOADS = st.lists(
    st.dictionaries(st.text(max_size=5), st.text() | st.integers() | st.none(), max_size=3), min_size=1, max_size=5
)


def pieces_of(data: bytes, borders: list[int]) -> list[bytes]:
    marks = sorted({min(border, len(data)) for border in borders} | {0, len(data)})
    return [data[left:right] for left, right in pairwise(marks)]


BORDERS = st.lists(st.integers(min_value=0, max_value=400), max_size=20)


@PATIENT
@given(PAYLOADS, st.sampled_from([b"\n", b"\r\n", b"\r"]), BORDERS)
def test_events_come_out_as_they_went_in(rows: list[object], line: bytes, borders: list[int]) -> None:
    payloads = [json.dumps(row, ensure_ascii=False).encode() for row in rows]
    data = b"".join(b"event: e" + line + b"data: " + payload + line * 2 for payload in payloads)
    assert cut(ServerSentEvents(), *pieces_of(data, borders)) == payloads


@PATIENT
@given(st.binary(max_size=300), BORDERS)
def test_events_of_any_bytes_do_not_depend_on_the_borders(data: bytes, borders: list[int]) -> None:
    for make in (ServerSentEvents, JsonLines, JsonArray, EventStream):
        assert cut(make(), *pieces_of(data, borders)) == cut(make(), data)


OPEN = [(ServerSentEvents, b"data: ", b"\n\n"), (JsonLines, b"", b"\n"), (JsonArray, b'{"a":"', b'"}')]
"""How an event begins and ends in each framing."""


@pytest.mark.parametrize(("make", "begin", "end"), OPEN)
def test_an_event_that_is_too_long_is_lost_and_said(
    make: Callable[[], Framing], begin: bytes, end: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(framing, "EVENT_CAP", 100)
    cutter = make()
    event = begin + b"1" + end
    before = cut(cutter, event)
    assert (len(before), cutter.lost) == (1, None)
    assert cut(cutter, begin, b"x" * 60, b"y" * 60, end[:1], end[1:], event) == before
    assert cutter.lost == "size"


@pytest.mark.parametrize(("make", "begin", "end"), OPEN)
def test_an_event_without_an_end_is_not_kept_for_ever(
    make: Callable[[], ServerSentEvents | JsonLines | JsonArray],
    begin: bytes,
    end: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(framing, "EVENT_CAP", 100)
    cutter = make()
    for _ in range(50):
        assert cutter.feed(begin) == []
        assert cutter.feed(b"x" * 10) == []
        assert len(cutter._held) <= 100
    assert cutter.end() == []
    assert cutter.lost == "size"


@pytest.mark.parametrize(("make", "begin", "end"), OPEN)
def test_the_work_for_an_event_does_not_grow_with_its_pieces(
    make: Callable[[], Framing], begin: bytes, end: bytes
) -> None:
    def cost(size: int) -> float:
        """CPU time for 4 MB in pieces of one size, the least of some runs."""
        pieces = [begin, *[b"A" * size] * ((4 << 20) // size), end]
        took: list[float] = []
        for _ in range(5):
            cutter, started = make(), time.process_time()
            found = [payload for piece in pieces for payload in cutter.feed(piece)]
            took.append(time.process_time() - started)
            assert [len(payload) >= 4 << 20 for payload in found] == [True]
        return min(took)

    assert cost(1024) / cost(65536) < 10  # 64 if each piece is laid to all that came before it


# ------------------------------------------------------------------------------------------------- JSON bodies


def test_lines() -> None:
    assert at_every_border(JsonLines, b'{"a":1}\r\n\n{"b":2}\n  \n{"c":3}') == [b'{"a":1}\r', b'{"b":2}', b'{"c":3}']


def test_whole_body_is_one_document() -> None:
    assert at_every_border(WholeBody, b'{"a":\n1}') == [b'{"a":\n1}']
    assert at_every_border(WholeBody, b"") == []


def test_whole_body_past_its_cap_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framing, "EVENT_CAP", 10)
    body = WholeBody()
    assert cut(body, b"12345", b"67890") == [b"1234567890"]
    assert body.lost is None
    assert cut(body, b"12345", b"678901", b"2") == []
    assert body.lost == "size"


@PATIENT
@given(PAYLOADS, st.sampled_from([",", ",\n", "\n,\r\n"]), BORDERS)
def test_array_elements_come_out_as_they_went_in(rows: list[object], between: str, borders: list[int]) -> None:
    payloads = [json.dumps({"row": row}, ensure_ascii=False, indent=2) for row in rows]
    data = ("[" + between.join(payloads) + "\n]\n").encode()
    assert cut(JsonArray(), *pieces_of(data, borders)) == [payload.encode() for payload in payloads]


def test_array_of_nothing_and_bare_object() -> None:
    assert at_every_border(JsonArray, b" [ ] ") == []
    assert at_every_border(JsonArray, b'{"error":{"code":400}}\n') == [b'{"error":{"code":400}}']


def test_array_with_braces_and_quotes_in_strings() -> None:
    payload = json.dumps({"text": 'a } "b\\" { [', "next": {"c": "\\"}}).encode()
    assert at_every_border(JsonArray, b"[" + payload + b",\n" + payload + b"]") == [payload, payload]


def test_cut_array_element_comes_out_at_the_end() -> None:
    assert cut(JsonArray(), b'[{"a":1},{"b":') == [b'{"a":1}', b'{"b":']


# ---------------------------------------------------------------------------------------------- AWS event stream


def message(payload: bytes, **headers: str) -> bytes:
    packed = b""
    for key, text in headers.items():
        name = b":" + key.replace("_", "-").encode()
        packed += bytes([len(name)]) + name + b"\x07" + struct.pack(">H", len(text)) + text.encode()
    total = 16 + len(packed) + len(payload)
    return struct.pack(">III", total, len(packed), 0) + packed + payload + b"\0\0\0\0"


def test_event_stream_names_its_events() -> None:
    data = message(b'{"role":"assistant"}', event_type="messageStart", message_type="event")
    data += message(b"", event_type="messageStop", message_type="event")
    assert at_every_border(EventStream, data) == [b'{"messageStart":{"role":"assistant"}}', b'{"messageStop":{}}']


def test_event_stream_exceptions_and_errors() -> None:
    data = message(b'{"message":"slow down"}', message_type="exception", exception_type="throttlingException")
    data += message(b"", message_type="error", error_code="InternalFailure", error_message='it "broke"')
    found = [json.loads(payload) for payload in at_every_border(EventStream, data)]
    assert found == [
        {"throttlingException": {"message": "slow down"}},
        {"error": {"code": "InternalFailure", "message": 'it "broke"'}},
    ]


def test_event_stream_gives_headers_and_payload_of_every_value_type() -> None:
    packed = b""
    sizes = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
    for kind, size in sizes.items():
        packed += b"\x01h" + bytes([kind]) + b"\1" * size
    packed += b"\x01b\x06\x00\x02xy" + b"\x01s\x07\x00\x02ok"
    data = struct.pack(">III", 16 + len(packed) + 1, len(packed), 0) + packed + b"p" + b"\0\0\0\0"
    assert EventStream().messages(data) == [({"s": "ok"}, b"p")]


def test_what_is_no_event_stream_is_given_up() -> None:
    cutter = EventStream()
    assert cut(cutter, b"<p>this is HTML, not an event stream</p>") == []
    assert cutter.lost == "syntax"
    assert cutter.feed(message(b"{}", event_type="x")) == []
