"""The cells: which releases of each SDK are tested. The README's table of clients is this table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Cell:
    """One environment."""

    sdk: str
    """Import name; its behaviour rows are run (``tests.behaviour.rows.SDKS``), or its framework tests."""
    requirements: tuple[str, ...]
    tests: tuple[str, ...] = (
        "tests/behaviour/test_matrix.py", "tests/clients/test_native_spans.py", "tests/clients/test_cohere_aws.py",
        "tests/privacy/test_rows.py", "tests/fuzz/test_rows.py",
    )  # fmt: skip

    @property
    def name(self) -> str:
        return " ".join(self.requirements)


def _versions(sdk: str, *cells: str) -> tuple[Cell, ...]:
    return tuple(Cell(sdk, tuple(cell.split())) for cell in cells)


CLIENTS: Final[dict[str, tuple[Cell, ...]]] = {
    "openai": _versions("openai", "openai==1.109.1", "openai<3", "openai==3.0.0", "openai"),
    "anthropic": _versions("anthropic", "anthropic==0.125.0", "anthropic>=1,<1.14", "anthropic<2", "anthropic"),
    "google-genai": _versions(
        "google.genai",
        "google-genai==1.75.0", "google-genai==1.75.0 aiohttp", "google-genai<3", "google-genai<3 aiohttp",
        "google-genai", "google-genai aiohttp",
    ),
    "boto3": _versions("boto3", "boto3==1.35.0", "boto3"),
    "aiobotocore": _versions("aiobotocore", "aiobotocore"),
    "mistralai": _versions("mistralai", "mistralai==1.12.4", "mistralai<3", "mistralai"),
    "cohere": _versions("cohere", "cohere==5.21.1 boto3", "cohere>=6,<7 boto3", "cohere boto3"),
    "groq": _versions("groq", "groq==0.37.1", "groq"),
    "together": _versions("together", "together==2.0.0", "together<3", "together"),
    "cerebras-cloud-sdk": _versions("cerebras", "cerebras-cloud-sdk"),
    "fireworks-ai": _versions("fireworks", "fireworks-ai>=1"),
    "ollama": _versions("ollama", "ollama==0.4.0", "ollama"),
    "huggingface_hub": _versions(
        "huggingface_hub", "huggingface_hub==0.36.2 aiohttp", "huggingface_hub<2", "huggingface_hub"
    ),
    "requests": _versions("requests", "requests"),
}  # fmt: skip
"""Oldest first."""

FRAMEWORKS: Final[dict[str, tuple[Cell, ...]]] = {
    name: (Cell(name, tuple(requirements.split()), ("tests/frameworks",)),)
    for name, requirements in {
        "langchain_openai": "langchain-openai",
        "langchain_anthropic": "langchain-anthropic",
        "llama_index": "llama-index-llms-openai",
        "pydantic_ai": "pydantic-ai-slim[openai,anthropic]",
        "agents": "openai-agents",
        "instructor": "instructor",
    }.items()
}
"""What is on top of the SDKs: the newest release."""


def ends(cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
    """The oldest and the newest."""
    return cells if len(cells) == 1 else (cells[0], cells[-1])
