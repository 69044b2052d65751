"""Rows of an overrides file with the line where each one stands, so that an error can name it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec

R = TypeVar("R", bound=msgspec.Struct)


class RowsError(ValueError):
    """Overrides that cannot be used: says where, what is wrong and what to write instead."""


class Row(msgspec.Struct, frozen=True):
    """A value and the place where it stands."""

    place: str
    value: object

    def convert(self, kind: type[R]) -> R:
        """The value as a typed row; raises :class:`RowsError`."""
        try:
            return msgspec.convert(self.value, kind)
        except msgspec.ValidationError as error:
            fields = ", ".join(kind.__struct_fields__)
            raise RowsError(f"{self.place}: {error}. Fields of such a row: {fields}") from error


def read_rows(path: Path) -> dict[str, list[Row]]:
    """Sections of a YAML or JSON file with their rows; raises :class:`RowsError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RowsError(f"{path}: cannot be read ({error}): give a readable UTF-8 file") from error
    if path.suffix in (".yaml", ".yml"):
        return _yaml(path, text)
    if path.suffix == ".json":
        return _json(path, text)
    raise RowsError(f"{path}: unknown kind of file: name it .yaml, .yml or .json")


def _json(path: Path, text: str) -> dict[str, list[Row]]:
    try:
        json.loads(text)
        sections = msgspec.json.decode(text, type=dict[str, list[msgspec.Raw]])
    except json.JSONDecodeError as error:
        raise RowsError(f"{path}:{error.lineno}: no JSON: {error.msg}") from error
    except msgspec.ValidationError as error:
        raise RowsError(f"{path}: {error}: write an object of lists, as in otel_llm.prices.overrides") from error
    data = text.encode()
    found: dict[str, list[Row]] = {}
    start = 0
    for section, rows in sections.items():  # in the file's order, so that each row is found behind the one before it
        found[section] = []
        for raw in rows:
            start = data.index(bytes(raw), start)
            line = data.count(b"\n", 0, start) + 1
            found[section].append(Row(f"{path}:{line}", msgspec.json.decode(raw)))
            start += len(bytes(raw))
    return found


def _yaml(path: Path, text: str) -> dict[str, list[Row]]:
    try:
        import yaml
    except ImportError as error:
        raise RowsError(f"{path}: YAML needs pyyaml: pip install 'otel-llm[cli]', or write the file as JSON") from error
    loader: Any = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return {}
        if not isinstance(root, yaml.MappingNode):
            raise RowsError(f"{path}:1: no mapping: write lists under prices, tiers, discounts or aliases")
        found: dict[str, list[Row]] = {}
        for key, value in cast("list[tuple[Any, Any]]", root.value):
            if not isinstance(value, yaml.SequenceNode):
                raise RowsError(f"{path}:{key.start_mark.line + 1}: `{key.value}` is no list: start its rows with `-`")
            items = cast("list[Any]", value.value)
            rows = [Row(f"{path}:{item.start_mark.line + 1}", loader.construct_object(item, True)) for item in items]
            found[str(key.value)] = rows
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise RowsError(f"{path}:{line}: no YAML: {error.problem}") from error
    finally:
        loader.dispose()
    return found
