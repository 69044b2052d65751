"""Reading JSON into typed shapes, forgiving what providers get wrong: a field that does not fit is skipped."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, TypeVar, Union, cast, get_args, get_origin

import msgspec

T = TypeVar("T", bound=msgspec.Struct)

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec 0.22 raises on data that are no JSON, no UTF-8, or nested too deeply."""


class Shape(Generic[T]):
    """Decoder of one struct type whose fields all have defaults.

    The typed decoder is the fast path (1 to 2 us per stream event); only a value of a wrong type takes the slow one,
    where each field is converted for itself.
    """

    def __init__(self, shape: type[T]) -> None:
        self._shape = shape
        self._decoder = msgspec.json.Decoder(shape, strict=False)
        self._all = msgspec.json.Decoder(list[shape], strict=False)

    def __call__(self, data: bytes) -> T | None:
        """The struct, or ``None`` if the data are no JSON object."""
        try:
            return self._decoder.decode(data)
        except msgspec.ValidationError:
            return self._without_misfits(data)
        except UNREADABLE:
            return None

    def each(self, data: bytes) -> list[T] | None:
        """The structs of an array, or the one of an object alone; ``None`` if the data are no JSON of either kind.
        Elements that are no objects (an embedding's numbers) are skipped."""
        if data[:1] == b"{" or not data[:16].lstrip().startswith(b"["):
            found = self(data)
            return None if found is None else [found]
        try:
            return self._all.decode(data)
        except msgspec.ValidationError:
            return self._objects(data)
        except UNREADABLE:
            return None

    def _objects(self, data: bytes) -> list[T] | None:
        try:
            decoded: list[object] = msgspec.json.decode(data)
        except UNREADABLE:
            return None
        return [found for value in decoded if (found := self.convert(value)) is not None]

    def _without_misfits(self, data: bytes) -> T | None:
        """The typed decoder stops at the first misfit, so broken JSON may come after it."""
        try:
            return self.convert(msgspec.json.decode(data))
        except UNREADABLE:
            return None

    def convert(self, value: object) -> T | None:
        """The struct from decoded JSON, or ``None`` if it is no object."""
        found = _salvage(self._shape, value)
        return found if isinstance(found, self._shape) else None


class _Skip:
    """Marks a value that does not fit."""


_SKIP = _Skip()


def _salvage(kind: Any, value: Any) -> Any:
    """``value`` as ``kind``, without the parts that do not fit; ``_SKIP`` if nothing fits."""
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _first_fit(get_args(kind), value)
    if isinstance(kind, type) and issubclass(cast("type[object]", kind), msgspec.Struct):
        return _salvage_struct(kind, value)
    if origin is list:
        return _salvage_list(get_args(kind)[0], value)
    try:
        return msgspec.convert(value, cast("Any", kind), strict=False)
    except msgspec.ValidationError:
        return _SKIP


def _first_fit(kinds: tuple[Any, ...], value: Any) -> Any:
    for kind in kinds:
        found = _salvage(kind, value)
        if found is not _SKIP:
            return found
    return _SKIP


def _salvage_list(kind: Any, value: Any) -> Any:
    if not isinstance(value, list):
        return _SKIP
    found = [_salvage(kind, item) for item in cast("list[Any]", value)]
    return [item for item in found if item is not _SKIP]


def _salvage_struct(shape: Any, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return _SKIP
    row = cast("Mapping[str, Any]", value)
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(shape):
        if field.encode_name in row:
            item = _salvage(field.type, row[field.encode_name])
            if item is not _SKIP:
                found[field.name] = item
    return shape(**found)


def text(value: object) -> str | None:
    """``value`` if it is a string with something in it: an empty string states nothing."""
    return value if isinstance(value, str) and value else None


_NUMERIC = (int, float, str)
"""What may be a number. An SDK's mark for what was not given (Stainless' ``Omit``) is told from it without an error."""


def whole(value: object) -> int | None:
    """``value`` as a whole number (``"12"`` and ``12.0`` count), else ``None``."""
    if type(value) is int:
        return value
    if not isinstance(value, _NUMERIC) or isinstance(value, bool):
        return None
    try:
        return msgspec.convert(value, int, strict=False)
    except msgspec.ValidationError:
        return None


def number(value: object) -> float | None:
    """``value`` as a number, else ``None``."""
    if type(value) is float:
        return value
    if not isinstance(value, _NUMERIC) or isinstance(value, bool):
        return None
    try:
        return msgspec.convert(value, float, strict=False)
    except msgspec.ValidationError:
        return None


def strings(value: object) -> list[str] | None:
    """A string or a list of strings as a list of strings, else ``None``."""
    if value is None:
        return None
    if isinstance(value, str):
        return [value]
    if isinstance(value, (list, tuple)):
        return [item for item in cast("list[object]", value) if isinstance(item, str)] or None
    return None


def rows(value: object) -> list[Mapping[str, Any]]:
    """The mappings in a list, else nothing."""
    if not isinstance(value, (list, tuple)):
        return []
    return [cast("Mapping[str, Any]", item) for item in cast("list[object]", value) if isinstance(item, Mapping)]


def mapping(value: object) -> Mapping[str, Any]:
    """``value`` if it is a mapping, else an empty one."""
    if type(value) is dict:  # the usual case: an instance check against an abstract class costs ten times as much
        return cast("Mapping[str, Any]", value)
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


class Present(msgspec.Struct):
    """Stands for an object of which only the presence matters: its members are skipped, however large they are."""


def yes(value: object) -> bool:
    """True for ``true`` alone."""
    return value is True


def names(value: object) -> frozenset[str]:
    """The names of the mappings in a list."""
    return frozenset(name for row in rows(value) if (name := text(row.get("name"))))


Fields = Mapping[str, "tuple[str, Callable[[object], Any]] | Fields"]
"""Members of a request's body: the field of the struct that each states, and what reads its value. A member that is an
object has fields of its own."""


def fill(struct: msgspec.Struct, body: Mapping[str, Any], fields: Fields) -> None:
    """Sets what the body states. Goes by what is there: a request has few of the members that it may have."""
    for key in body:
        if key not in fields:
            continue
        known, value = fields[key], body[key]
        if isinstance(known, tuple):
            name, read = known
            setattr(struct, name, read(value))
        else:
            fill(struct, mapping(value), known)
