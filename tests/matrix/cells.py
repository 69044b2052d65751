"""The cells: which releases of each SDK are tested. The README's table of clients shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

BEHAVIOUR: Final = (
    "tests/behaviour/test_matrix.py",
    "tests/clients/test_operations.py",
    "tests/clients/test_native_spans.py",
    "tests/clients/test_cohere_aws.py",
    "tests/privacy/test_rows.py",
    "tests/fuzz/test_rows.py",
)
"""What is asked of every release. Tests that are driven by the same rows belong here."""
RECORDED: Final = (*BEHAVIOUR, "tests/recordings/test_sdks.py")
"""Where the recordings have exchanges of the SDK's provider, too."""


@dataclass(frozen=True)
class Cell:
    """One environment."""

    sdks: tuple[str, ...]
    """Import names of what it is about (``tests.behaviour.rows.SDKS``): of each, tests must have run and passed."""
    requirements: tuple[str, ...]
    tests: tuple[str, ...] = RECORDED
    label: str = ""

    @property
    def name(self) -> str:
        return self.label or " ".join(self.requirements)


def _versions(sdk: str, *cells: str, tests: tuple[str, ...] = RECORDED) -> tuple[Cell, ...]:
    return tuple(Cell((sdk,), tuple(cell.split()), tests) for cell in cells)


FIRST: Final = (*RECORDED, "tests/recordings/test_replay.py")
"""Of openai and anthropic, whose recordings have a test of their own."""

CLIENTS: Final[dict[str, tuple[Cell, ...]]] = {
    "openai": (
        *_versions("openai", "openai==1.40.0 httpx==0.27.2", tests=BEHAVIOUR),
        *_versions("openai", "openai==1.109.1", "openai<3", "openai==3.0.0", "openai", tests=FIRST),
    ),
    "anthropic": (
        *_versions("anthropic", "anthropic==0.34.0 httpx==0.27.2", "anthropic==0.125.0", tests=BEHAVIOUR),
        *_versions("anthropic", "anthropic>=1,<1.14", "anthropic<2", "anthropic", tests=FIRST),
    ),
    "google-genai": _versions(
        "google.genai",
        "google-genai==1.0.0", "google-genai==1.0.0 aiohttp", "google-genai==1.75.0", "google-genai==1.75.0 aiohttp",
        "google-genai<3", "google-genai<3 aiohttp", "google-genai", "google-genai aiohttp",
    ),
    "boto3": _versions("boto3", "boto3==1.35.0", "boto3"),
    "aiobotocore": _versions("aiobotocore", "aiobotocore==2.15.0", "aiobotocore", tests=BEHAVIOUR),
    "mistralai": _versions("mistralai", "mistralai==1.12.4", "mistralai<3", "mistralai"),
    "cohere": _versions("cohere", "cohere==5.21.1 boto3", "cohere>=6,<7 boto3", "cohere boto3"),
    "groq": _versions("groq", "groq==0.37.1", "groq"),
    "together": _versions("together", "together==2.0.0", "together<3", "together"),
    "cerebras-cloud-sdk": _versions(
        "cerebras.cloud.sdk", "cerebras-cloud-sdk==1.0.0 httpx==0.27.2", "cerebras-cloud-sdk", tests=BEHAVIOUR
    ),
    "fireworks-ai": _versions("fireworks", "fireworks-ai==1.2.0", "fireworks-ai", tests=BEHAVIOUR),
    "writer-sdk": _versions("writerai", "writer-sdk==1.0.0 httpx==0.27.2", "writer-sdk"),
    "ollama": _versions("ollama", "ollama==0.4.0", "ollama"),
    "huggingface_hub": _versions(
        "huggingface_hub", "huggingface_hub==0.36.2 aiohttp", "huggingface_hub<2 aiohttp", "huggingface_hub"
    ),
    "httpx": _versions("httpx", "httpx==0.27.2", "httpx", tests=BEHAVIOUR),
    "httpx2": _versions("httpx2", "httpx2==2.0.0", "httpx2==2.14.*", "httpx2", tests=BEHAVIOUR),
    "requests": _versions("requests", "requests", tests=BEHAVIOUR),
    "aiohttp": _versions("aiohttp", "aiohttp", tests=BEHAVIOUR),
}  # fmt: skip
"""By distribution, oldest first: each release in an environment of its own."""

FRAMEWORKS: Final[dict[str, tuple[Cell, ...]]] = {
    distribution: (Cell((module,), tuple(requirements.split()), ("tests/frameworks",)),)
    for distribution, module, requirements in (
        ("langchain-openai", "langchain_openai", "langchain-openai"),
        ("langchain-anthropic", "langchain_anthropic", "langchain-anthropic"),
        ("llama-index-llms-openai", "llama_index", "llama-index-llms-openai"),
        ("pydantic-ai-slim", "pydantic_ai", "pydantic-ai-slim[openai,anthropic]"),
        ("openai-agents", "agents", "openai-agents"),
        ("instructor", "instructor", "instructor"),
    )
}
"""What is on top of the SDKs: the newest release."""

OTHERS: Final[dict[str, tuple[Cell, ...]]] = {
    distribution: (Cell((module,), tuple(needs.split()), ("tests/clients/test_other_instrumentations.py",)),)
    for distribution, module, needs in (
        (
            "opentelemetry-instrumentation-openai-v2", "opentelemetry.instrumentation.openai_v2",
            # 2.4b0, its last release, cannot be imported beside util-genai 1.3b0, which it allows.
            "opentelemetry-instrumentation-openai-v2==2.4b0 opentelemetry-util-genai<0.5 openai<3",
        ),
        (
            "opentelemetry-instrumentation-genai-openai", "opentelemetry.instrumentation.genai.openai",
            "opentelemetry-instrumentation-genai-openai openai",
        ),
    )
}  # fmt: skip
"""Others' instrumentations of the same SDKs, beside ours."""

MINIMUM: Final = (
    "opentelemetry-api==1.44.0", "opentelemetry-sdk==1.44.0", "opentelemetry-instrumentation==0.65b0",
    "opentelemetry-instrumentation-httpx==0.65b0", "prometheus-client==0.22.0", "wrapt==1.17.0", "msgspec==0.19.0",
)  # fmt: skip
"""The oldest releases of our own dependencies that ``pyproject.toml`` allows."""


SAMPLE: Final = (
    "tests/behaviour/test_matrix.py",
    "tests/clients/test_operations.py",
    "tests/clients/test_native_spans.py",
    "tests/clients/test_cohere_aws.py",
)
"""What CI asks of many releases together: what is hostile or private is left to the whole matrix."""


def _together(label: str, sdks: str, *requirements: str, tests: tuple[str, ...] = SAMPLE) -> Cell:
    return Cell(tuple(sdks.split()), requirements, tests, label)


CI: Final = (
    _together(
        "old",
        "openai anthropic google.genai mistralai cohere boto3 groq together huggingface_hub fireworks",
        "openai<3", "anthropic<2", "google-genai==1.75.0", "mistralai==1.12.4", "cohere==5.21.1",
        "boto3==1.35.0", "groq==0.37.1", "together==2.0.0", "huggingface_hub==0.36.2", "fireworks-ai==1.2.0", "aiohttp",
    ),
    _together(
        "newest",
        "openai anthropic google.genai mistralai cohere groq together cerebras.cloud.sdk fireworks writerai ollama "
        "huggingface_hub aiobotocore aiohttp",
        "openai", "anthropic", "google-genai", "mistralai", "cohere", "groq", "together", "cerebras-cloud-sdk",
        "fireworks-ai", "writer-sdk", "ollama", "huggingface_hub", "aiobotocore", "aiohttp", "boto3",
        tests=(*SAMPLE, "tests/recordings/test_sdks.py"),
    ),
    _together(
        "oldest, with our oldest dependencies",
        "openai anthropic cerebras.cloud.sdk ollama google.genai aiobotocore httpx httpx2",
        "openai==1.40.0", "anthropic==0.34.0", "cerebras-cloud-sdk==1.0.0", "ollama==0.4.0", "google-genai==1.0.0",
        "aiobotocore==2.15.0", "httpx==0.27.2", "httpx2==2.0.0", *MINIMUM,
    ),
)  # fmt: skip
"""The oldest and the newest of each client in three environments (``--ci``), the slowest first; the development
environment has the newest boto3, requests, httpx and httpx2."""
