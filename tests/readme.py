"""The tables of the README, made of what they describe: ``python -m tests.readme`` writes them.

``tests/test_readme.py`` fails where one is stale.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from otel_llm.settings import SPECS, Settings
from tests.clients.operations import OPERATIONS
from tests.matrix import cells

README = Path(__file__).parents[1] / "README.md"
SHARED = Path(os.environ.get("OTEL_LLM_SHARED", README.parent.parent / "shared"))


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def settings() -> str:
    """Every setting with its keyword, variables, values and default."""
    rows: list[tuple[str, ...]] = []
    for spec in SPECS:
        variables = f"`{spec.variable}`" + (f", `{spec.standard}`" if spec.standard else "")
        default = getattr(Settings(), spec.name)
        shown = "" if default in (None, "") else f"`{str(default).lower() if isinstance(default, bool) else default}`"
        rows.append((f"`{spec.name}`", variables, spec.allowed, shown, spec.help))
    return table(("Keyword", "Variable", "Values", "Default", "Meaning"), rows)


def clients() -> str:
    """Every client with its calls that are proven and its tested releases, and what is on top of them."""
    rows = [(f"`{name}`", calls(name), releases(found)) for name, found in cells.CLIENTS.items()]
    on_top = "what it calls of the SDKs beneath"
    rows += [(f"`{name}`", on_top, releases(found)) for name, found in cells.FRAMEWORKS.items()]
    rows += [(f"`{name}`", "one span and one count", releases(found)) for name, found in cells.OTHERS.items()]
    return table(("Package", "Calls", "Tested releases"), rows)


def calls(package: str) -> str:
    """Operations by name; those that stream are marked, and each part of a package has its own list."""
    parts: dict[str, dict[str, bool]] = {}
    for row in OPERATIONS:
        if package in (row.client, row.sdk):
            name, _, part = row.name.partition(" (")
            streamed = name.endswith(" stream")
            found = parts.setdefault(part.rstrip(")"), {})
            base = name.removesuffix(" stream")
            found[base] = found.get(base, False) or streamed
    lists = [
        (f"{part}: " if part else "") + ", ".join(f"{name}*" if streams else name for name, streams in found.items())
        for part, found in parts.items()
    ]
    return "; ".join(lists)


def releases(found: tuple[cells.Cell, ...]) -> str:
    """Distinct releases, oldest first, and what they were installed with."""
    named: dict[str, list[str]] = {}
    for cell in found:
        extra = " ".join(name for name in cell.requirements[1:] if not re.search("[<=]", name))
        named.setdefault(_release(cell.requirements[0]), []).append(extra)
    return ", ".join(release + _company(extras) for release, extras in named.items())


def _company(extras: list[str]) -> str:
    said = ", ".join(filter(None, extras))
    return f" ({'and ' if '' in extras else ''}with {said})" if said else ""


def _release(requirement: str) -> str:
    """``x==1.2`` is 1.2, ``x<3`` the newest 2.x, ``x`` the newest."""
    if exact := re.search(r"==(.+)$", requirement):
        return exact[1].replace(".*", ".x")
    if below := re.search(r"<(\d+)(?:\.(\d+))?$", requirement):
        major, minor = int(below[1]), below[2]
        return f"newest {major}.{int(minor) - 1}" if minor else f"newest {major - 1}.x"
    return "newest"


def recordings() -> str:
    """How many recorded exchanges agree, by provider and operation. Needs the recordings."""
    from tests.formats.recordings import as_table, rows

    return as_table(rows(SHARED))


SECTIONS = {"settings": settings, "clients": clients, "recordings": recordings}


def section(text: str, name: str) -> re.Match[str]:
    """Where a section stands; group 2 is its content."""
    found = re.search(rf"(<!-- {name}[^>]*-->\n)(.*?)(<!-- /{name} -->)", text, re.DOTALL)
    if found is None:
        raise LookupError(f"README.md has no section {name}")
    return found


def main() -> None:
    text = README.read_text()
    for name, made in SECTIONS.items():
        place = section(text, name)
        text = text[: place.start(2)] + made() + "\n" + text[place.end(2) :]
    README.write_text(text)


if __name__ == "__main__":
    sys.exit(main())
