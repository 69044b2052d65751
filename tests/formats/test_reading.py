"""Sloppy values: what fits is read, what does not fit is skipped, nothing raises."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otel_llm.formats import reading
from otel_llm.formats.reading import Shape

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""The machine may be busy: time says nothing here."""


class Inner(msgspec.Struct):
    count: int | None = None
    name: str | None = None


class Outer(msgspec.Struct, rename="camel"):
    total_count: int | None = None
    rows: list[Inner] | None = None
    inner: Inner | str | None = None
    many: list[Inner] | Inner | None = None
    ratio: float | None = None


read = Shape(Outer)


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b'{"totalCount": 12}', Outer(total_count=12)),
        (b'{"totalCount": "12"}', Outer(total_count=12)),
        (b'{"totalCount": 12.0}', Outer(total_count=12)),
        (b'{"totalCount": null}', Outer()),
        (b'{"totalCount": "many"}', Outer()),
        (b'{"totalCount": {"a": 1}, "ratio": 0.5}', Outer(ratio=0.5)),
        (b'{"totalCount": 1.5, "ratio": "0.5"}', Outer(ratio=0.5)),
        (b'{"rows": null, "unknown": [1]}', Outer()),
        (b'{"rows": [{"count": 1}, 5, null, {"count": "x", "name": "n"}]}', Outer(rows=[Inner(1), Inner(None, "n")])),
        (b'{"rows": {"count": 1}, "totalCount": 3}', Outer(total_count=3)),
        (b'{"inner": "text"}', Outer(inner="text")),
        (b'{"inner": {"count": "x"}}', Outer(inner=Inner())),
        (b'{"many": {"count": 1}}', Outer(many=Inner(1))),
        (b'{"many": [{"count": 1}]}', Outer(many=[Inner(1)])),
        (b"{}", Outer()),
    ],
)
def test_shape(data: bytes, wanted: Outer) -> None:
    assert read(data) == wanted


@pytest.mark.parametrize(
    "data",
    [
        b"", b"   ", b"null", b"12", b'"text"', b"[]", b"[{}]", b"{", b'{"totalCount": 1', b"\xff\xfe", b"<html>",
        b'{"totalCount": [1], "rows": ', b'{"totalCount": "\xff"}', b'{"rows": [' * 50_000, b'{"totalCount": 1} more',
    ],
)  # fmt: skip
def test_shape_of_what_is_no_object(data: bytes) -> None:
    assert read(data) is None


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b'{"totalCount": 1}', [Outer(total_count=1)]),
        (b'\n [{"totalCount": 1}, {"totalCount": "2"}]', [Outer(total_count=1), Outer(total_count=2)]),
        (b'[{"totalCount": "x", "ratio": 1}, 7, {}]', [Outer(ratio=1.0), Outer()]),
        (b"[[0.1, 0.2]]", []),
        (b"[]", []),
        (b"7", None),
        (b'[{"totalCount": 1}', None),
        (b'[{"totalCount": "x"}, {', None),
        (b"[" * 50_000, None),
    ],
)
def test_shapes_of_an_array_or_of_an_object_alone(data: bytes, wanted: list[Outer] | None) -> None:
    assert read.each(data) == wanted


def test_huge_numbers_do_not_fit() -> None:
    """msgspec takes them for a mistake in the whole document."""
    assert read(b'{"totalCount": 1e999, "ratio": 1}') is None
    assert read(b'{"totalCount": -1' + b"0" * 5000 + b', "ratio": 1}') is None


@pytest.mark.parametrize(
    ("value", "wanted"),
    [(3, 3), ("12", 12), (12.0, 12), (12.5, None), ("x", None), (True, None), (None, None), ({}, None), ([1], None)],
)
def test_whole(value: Any, wanted: int | None) -> None:
    assert reading.whole(value) == wanted


@pytest.mark.parametrize(
    ("value", "wanted"),
    [(3, 3.0), ("0.5", 0.5), (0.5, 0.5), ("x", None), (False, None), (None, None), (b"1", None), ([], None)],
)
def test_number(value: Any, wanted: float | None) -> None:
    assert reading.number(value) == wanted


def test_strings_and_rows() -> None:
    assert reading.strings("a") == ["a"]
    assert reading.strings(["a", 1, "b"]) == ["a", "b"]
    assert reading.strings([]) is None
    assert reading.strings(7) is None
    assert reading.rows([{"a": 1}, 2, None, {}]) == [{"a": 1}, {}]
    assert reading.rows({"a": 1}) == []
    assert reading.mapping([1]) == {}
    assert reading.text("") is None


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.just(object()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@PATIENT
@given(ANYTHING)
def test_readers_never_raise(value: Any) -> None:
    for reader in (reading.whole, reading.number, reading.strings, reading.rows, reading.mapping, reading.text):
        reader(value)
    Shape(Outer).convert(value)
