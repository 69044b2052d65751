"""Patching of classes when the app imports them, and taking it back. We never import a patched library ourselves."""

from __future__ import annotations

import functools
import inspect
import sys
import threading
from collections.abc import Callable
from importlib import _bootstrap, metadata
from types import FunctionType, MethodType, ModuleType
from typing import Any, Final

import wrapt

from otel_llm.guard import guarded, logger

Wrapper = Callable[[Callable[..., Any], Any, tuple[Any, ...], dict[str, Any]], Any]
"""wrapt's wrapper signature: (wrapped, instance, args, kwargs)."""


class Patches:
    """The methods that are wrapped now, so that each is wrapped once and put back as it was."""

    def __init__(self) -> None:
        self._done: dict[tuple[type | ModuleType, str], tuple[Any, Any]] = {}

    def wrap(self, owner: type | ModuleType, name: str, wrapper: Wrapper) -> bool:
        """Wraps ``owner.name``, a method or a module's function. Once per class object: after ``httpx2.alias_httpx()``
        both names are one class.

        :raises KeyError: if the class defines no such method (an SDK version that we do not know).
        """
        if (owner, name) in self._done:
            return False
        original = owner.__dict__[name]
        wrapped = _method(owner, original, wrapper) or wrapt.FunctionWrapper(original, wrapper)
        setattr(owner, name, wrapped)
        self._done[owner, name] = (original, wrapped)
        return True

    def restore(self) -> None:
        """Puts every method back. One that somebody wrapped after us stays: our wrapper in it is a pass-through."""
        for (owner, name), (original, wrapped) in list(self._done.items()):
            if owner.__dict__.get(name) is wrapped:
                setattr(owner, name, original)
            del self._done[owner, name]


_GENERATOR: Final = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR


def _method(owner: type | ModuleType, original: Any, wrapper: Wrapper) -> Callable[..., Any] | None:
    """A plain function around a method, or ``None`` where only wrapt can tell how to call the original (a generator, a
    static method, a module's function, what somebody else put there). wrapt's wrapper makes an object for each call, by
    C code that is in no cache of the processor when an SDK has run meanwhile: 10 us of an openai call (wrapt 2.5,
    CPython 3.11)."""
    method_of_a_class = isinstance(owner, type) and type(original) is FunctionType
    if not method_of_a_class or original.__code__.co_flags & _GENERATOR:
        return None

    def method(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return wrapper(MethodType(original, self), self, args, kwargs)

    async def coroutine(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return await wrapper(MethodType(original, self), self, args, kwargs)

    made: Any = functools.wraps(original)(coroutine if inspect.iscoroutinefunction(original) else method)
    made.__signature__ = inspect.signature(original)  # some who ask do not follow __wrapped__
    return made


class Hook:
    """Patches one module, now if it is imported and otherwise when the app imports it; again after ``uninstrument``."""

    def __init__(self, module: str, patch: Callable[[ModuleType, Patches], None], package: str) -> None:
        """``package`` is the distribution that the module comes in."""
        self.module = module
        self.package = package
        self._patch = patch
        self._registered = False
        self.patched = False
        self.problem: str | None = None
        """Why the module could not be patched, and what to do; ``None`` if it was, or has not been imported."""

    def arm(self, patches: Patches, wanted: Callable[[], bool]) -> None:
        """``wanted`` tells at import time whether instrumentation is still on."""

        def imported(module: ModuleType) -> None:
            if wanted():
                self._apply(module, patches)

        module = sys.modules.get(self.module)
        if module is None:
            if not self._registered:
                self._registered = True
                wrapt.register_post_import_hook(imported, self.module)
        elif _half_imported(module):
            waiting = threading.Thread(target=_after_import, args=(self.module, imported), daemon=True)
            waiting.name = f"otel-llm, import of {self.module}"
            waiting.start()
        else:
            imported(module)

    @guarded("patching")
    def _apply(self, module: ModuleType, patches: Patches) -> None:
        try:
            self._patch(module, patches)
            self.patched, self.problem = True, None
        except (AttributeError, KeyError, ImportError) as error:
            self.patched = False
            self.problem = (
                f"{self.package} {version_of(self.package) or '(version unknown)'}: {self.module} has not the "
                f"{getattr(error, 'name', None) or error} that otel-llm patches. Its calls work as before, and are "
                "observed at most as plain HTTP. Install a version that the README lists, or update otel-llm."
            )
            logger.warning("otel-llm: %s", self.problem)

    @property
    def imported(self) -> bool:
        return self.module in sys.modules


def _half_imported(module: ModuleType) -> bool:
    """Whether some thread, maybe this one, is in the middle of importing it: its classes may be still to come."""
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


@guarded("patching.wait")
def _after_import(name: str, imported: Callable[[ModuleType], None]) -> None:
    """Waits until the thread that imports a module is through, and tells. Runs in a thread of its own, for which
    nobody waits, so that the import system's lock can be asked without a risk for the app."""
    # What the import statement does when it meets such a module; importlib.import_module would import it anew after a
    # failure. In every CPython since 3.3.
    _bootstrap._lock_unlock_module(name)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    wrapt.register_post_import_hook(imported, name)  # at once, unless the import failed


def version_of(package: str) -> str | None:
    """Installed version of a distribution, ``None`` if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
