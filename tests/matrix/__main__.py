"""Runs cells and prints a table of what passed; exits with 1 if any failed, or ran nothing of its own."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.matrix.cells import CI, CLIENTS, FRAMEWORKS, OTHERS, Cell

REPOSITORY = Path(__file__).resolve().parents[2]
BASE = ("-e", f"{REPOSITORY}[cli]", "pytest>=8.4", "pytest-asyncio>=1.2", "pydantic>=2", "hypothesis>=6.150", "numpy")
"""What every cell needs besides its SDK."""
TIMEOUT = 600
"""Seconds for one cell's tests."""
COUNTS = re.compile(r"(\d+) (passed|failed|errors?|skipped)")


@dataclass
class Result:
    cell: Cell
    versions: str = ""
    counts: str = ""
    own: dict[str, int] = field(default_factory=dict)
    """Passed tests of each SDK that the cell is about."""
    seconds: float = 0.0
    passed: bool = False
    output: str = ""


def main() -> int:
    asked = arguments()
    cells = chosen(asked)
    if asked.list:
        print("\n".join(cell.name for cell in cells))
        return 0
    with ThreadPoolExecutor(asked.jobs) as pool:
        results = list(pool.map(lambda cell: run(cell, asked.dir), cells))
    for result in results:
        if not result.passed:
            print(f"----- {result.cell.name}\n{result.output}")
    print(table(results))
    return 0 if all(result.passed for result in results) else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__)
    parser.add_argument("names", nargs="*", help="clients or frameworks; none: all")
    parser.add_argument("--ci", action="store_true", help="the oldest and the newest of each client, together")
    parser.add_argument("--list", action="store_true", help="show the cells and stop")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="cells at a time")
    parser.add_argument("--dir", type=Path, default=REPOSITORY / "build" / "matrix", help="where environments are kept")
    return parser.parse_args()


def chosen(asked: argparse.Namespace) -> list[Cell]:
    if asked.ci:
        return list(CI)
    known = {**CLIENTS, **FRAMEWORKS, **OTHERS}
    if unknown := set(asked.names) - set(known):
        sys.exit(f"tests.matrix: no such client: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return [cell for name, cells in known.items() if not asked.names or name in asked.names for cell in cells]


def run(cell: Cell, folder: Path) -> Result:
    """Makes the cell's environment and runs its tests in it."""
    result, start = Result(cell), time.monotonic()
    environment = folder / re.sub(r"[^\w.]+", "-", cell.name)
    counts = environment / "counts.json"
    try:
        python = made(environment, cell)
        counts.unlink(missing_ok=True)
        result.versions = versions(python, cell)
        done = subprocess.run(
            [python, "-m", "pytest", "--no-header", "--tb=short", "-p", "no:cacheprovider",
             "-p", "tests.matrix.counting", *cell.tests],
            cwd=REPOSITORY, env={
                **os.environ, "BEHAVIOUR_SDKS": " ".join(cell.sdks), "MATRIX_COUNTS": str(counts),
                "PYTHONDONTWRITEBYTECODE": "",  # uv compiles nothing: what is imported twice is compiled once
            },
            capture_output=True, text=True, timeout=TIMEOUT,
        )  # fmt: skip
        result.output = done.stdout[-4000:] + done.stderr[-1000:]
        found = json.loads(counts.read_text()) if counts.exists() else {}
        result.own = {sdk: found.get(sdk, 0) for sdk in cell.sdks}
        result.passed = done.returncode == 0 and all(result.own.values())
        result.counts = ", ".join(" ".join(found) for found in COUNTS.findall(done.stdout.strip().rpartition("\n")[2]))
    except (subprocess.SubprocessError, OSError) as error:
        result.output = f"{error}\n{getattr(error, 'stderr', '') or ''}"
    result.seconds = time.monotonic() - start
    print(f"{cell.name}: {verdict(result)}, {own(result)}", flush=True)  # a whole run takes minutes
    return result


def verdict(result: Result) -> str:
    return "passed" if result.passed else "FAILED"


def own(result: Result) -> str:
    """Passed tests by SDK."""
    return ", ".join(f"{sdk} {count or 'NONE'}" for sdk, count in result.own.items()) or "nothing ran"


def made(environment: Path, cell: Cell) -> Path:
    """The interpreter of an environment with the newest releases that the requirements allow.

    :raises CalledProcessError: if they cannot be installed.
    """
    python = environment / "bin" / "python"
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if uv is None:
        raise FileNotFoundError("uv is not installed: pip install -e '.[test]'")
    if not python.exists():
        quiet(uv, "venv", "-q", "--python", sys.executable, str(environment))
    wanted = ("install", "-q", "--upgrade", *BASE, *cell.requirements)
    try:
        quiet(uv, "pip", *wanted, "--python", str(python))
    except subprocess.CalledProcessError:  # pip takes minutes, and knows of indexes that only its settings name
        quiet(sys.executable, "-m", "pip", "--python", str(python), *wanted)
    return python


def quiet(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


def versions(python: Path, cell: Cell) -> str:
    """Installed release of each requirement.

    :raises CalledProcessError: if one is not installed.
    """
    names = [re.split(r"[<>=\[]", requirement)[0] for requirement in cell.requirements]
    program = f"from importlib.metadata import version; print(', '.join(n + ' ' + version(n) for n in {names!r}))"
    return subprocess.run([python, "-c", program], check=True, capture_output=True, text=True).stdout.strip()


def table(results: list[Result]) -> str:
    lines = ["| release | tests | of each SDK | seconds | result |", "|---|---|---|---:|---|"]
    for result in results:
        release = result.versions or result.cell.name
        lines.append(f"| {release} | {result.counts} | {own(result)} | {result.seconds:.0f} | {verdict(result)} |")
    failed = sum(not result.passed for result in results)
    return "\n".join([*lines, "", f"{len(results) - failed} passed, {failed} failed"])


if __name__ == "__main__":
    sys.exit(main())
