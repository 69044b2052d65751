"""A guard takes what its function takes, whatever the function's parameters are, and gives back what it gives."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from otel_llm import guard


def none() -> tuple[Any, ...]:
    return ()


def two(first: Any, error: Any) -> tuple[Any, ...]:
    return first, error


def defaults(first: Any, second: Any = 2) -> tuple[Any, ...]:
    return first, second


def keywords(first: Any, *, second: Any = 2) -> tuple[Any, ...]:
    return first, second


def variadic(*found: Any, **named: Any) -> tuple[Any, ...]:
    return (*found, *named.values())


class Counted:
    """No function, and called like one."""

    __name__ = "counted"

    def __call__(self, *found: Any) -> tuple[Any, ...]:
        return found


CALLS: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any], tuple[Any, ...]]] = [
    (none, (), {}, ()),
    (two, (1, 2), {}, (1, 2)),
    (two, (1,), {"error": 2}, (1, 2)),
    (two, (), {"error": 2, "first": 1}, (1, 2)),
    (defaults, (1,), {}, (1, 2)),
    (defaults, (1, 3), {}, (1, 3)),
    (keywords, (1,), {"second": 3}, (1, 3)),
    (variadic, (1, 2), {"x": 3}, (1, 2, 3)),
    (Counted(), (1, 2), {}, (1, 2)),
]


@pytest.mark.parametrize("kind", [guard.guarded, guard.breaker])
@pytest.mark.parametrize(("function", "args", "kwargs", "expected"), CALLS)
def test_a_guard_is_called_as_its_function(
    kind: Any, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    safe = kind(f"test.called.{kind.__name__}")(function)
    assert safe(*args, **kwargs) == expected
    assert safe.__name__ == function.__name__


class Step:
    """A method is guarded as a function is."""

    @guard.guarded("test.method")
    def run(self, amount: int) -> int:
        return 6 // amount


def test_a_guarded_method() -> None:
    site = guard.site("test.method")
    assert Step().run(2) == 3
    assert Step().run(amount=3) == 2
    assert Step().run(0) is None
    assert site.failures == 1


def test_a_failure_is_told_whose_it_was() -> None:
    @guard.guarded("test.whose")
    def step(call: Any, error: Any) -> None:
        raise ValueError

    step(SimpleNamespace(client="acme"), None)
    assert guard.last_error("acme") == "test.whose: builtins.ValueError"


def test_what_is_meant_for_the_app_passes() -> None:
    @guard.guarded("test.passes")
    def step(error: type[BaseException]) -> None:
        raise error

    for error in (KeyboardInterrupt, SystemExit, GeneratorExit):
        with pytest.raises(error):
            step(error)
    assert guard.failures()["test.passes"] == 0
