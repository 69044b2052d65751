"""Every function of ours in the app's way, with arguments that no SDK gives: the app sees exactly what it sees bare."""

from __future__ import annotations

import asyncio
import importlib
import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from otel_llm.patching import Hook, Patches
from otel_llm.seams import HOOKS
from tests.telemetry import observed


class BareError(Exception):
    """What the library's own function raises."""


class _Anything(ModuleType):
    """A module that is not installed: every name in it is a class of its own."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


class _Recording(Patches):
    """Takes down what would be wrapped, and wraps nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, Any]] = []

    def wrap(self, owner: Any, name: str, wrapper: Any) -> bool:
        self.found.append((f"{owner.__name__}.{name}", wrapper))
        return True


def _walked() -> Iterator[Any]:
    for hook in HOOKS:
        try:
            module = importlib.import_module(hook.module)
        except ImportError:
            module = _Anything(hook.module)
        recording = _Recording()
        hook._patch(module, recording)
        assert recording.found or isinstance(module, _Anything), hook.module
        yield from (pytest.param(wrapper, id=f"{hook.module}:{name}") for name, wrapper in recording.found)


class _Hostile:
    """Raises whatever it is asked."""

    __hash__ = None  # type: ignore[assignment]

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("compared")


class _Post:
    """Looks like a request, and is none."""

    method = "POST"
    url = None
    task = None


ARGUMENTS: dict[str, tuple[Any, tuple[Any, ...], dict[str, Any]]] = {
    "none": (None, (), {}),
    "word": ("x", ("x", "x", "x", "x"), {}),
    "numbers": (1, (1, 2, 3, 4), {"method": 1, "request": 2, "options": 3, "stream": 4}),
    "hostile": (_Hostile(), (_Hostile(),) * 4, {}),
    "hostile-keywords": (_Hostile(), (), dict.fromkeys(("method", "request", "options", "stream"), _Hostile())),
    "post": (_Post(), (_Post(), _Post(), _Post()), {"method": "POST", "stream": True}),
    "unhashable": ([], ([], {}), {"options": {}}),
}


async def _used(value: Any) -> Any:
    """What an app does with what it got: awaits it, enters it, iterates it."""
    if inspect.isawaitable(value):
        value = await value
    if hasattr(value, "__aenter__"):
        return await value.__aenter__()
    if hasattr(value, "__enter__"):
        return value.__enter__()
    if inspect.isasyncgen(value):
        return [item async for item in value]
    return list(value) if inspect.isgenerator(value) else value


@pytest.mark.parametrize("given", ARGUMENTS.values(), ids=ARGUMENTS)
@pytest.mark.parametrize("wrapper", list(_walked()))
def test_the_app_sees_exactly_the_bare_error(wrapper: Any, given: Any) -> None:
    instance, args, kwargs = given
    error = BareError()

    def bare(*_: Any, **__: Any) -> Any:
        raise error

    async def bare_coroutine(*_: Any, **__: Any) -> Any:
        raise error

    async def app() -> Any:
        wrapped = bare_coroutine if inspect.iscoroutinefunction(wrapper) else bare
        return await _used(wrapper(wrapped, instance, args, kwargs))

    with observed() as telemetry:
        with pytest.raises(BareError) as seen:
            asyncio.run(app())
        assert seen.value is error
        telemetry.forgive()


def test_every_hook_is_walked() -> None:
    assert len({hook.module for hook in HOOKS}) == len(HOOKS) > 20
    assert all(isinstance(hook, Hook) for hook in HOOKS)


def test_an_answer_that_is_not_understood_is_the_apps() -> None:
    """mistralai's own function gives a pair; whatever else it gives in a version to come is passed on."""
    from otel_llm import native

    answer = object()
    with observed() as telemetry:
        assert native._mistral_tracer(lambda: answer, None, (), {}) is answer
        telemetry.forgive()
