"""The OpenAI-compatible APIs whose models Open WebUI shows."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_NO_KEY = "none"
"""Open WebUI requires a key for every API, even if the API does not."""


def webui_endpoints(urls: Iterable[str], api_key: str, extra: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return `url` (without a trailing slash) and `api_key` of each API: those of the engines, then the user's."""
    return [{"url": url, "api_key": api_key} for url in urls] + [
        {**endpoint, "url": endpoint["url"].rstrip("/"), "api_key": endpoint.get("api_key") or _NO_KEY}
        for endpoint in extra
    ]


def webui_configs(endpoints: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return OPENAI_API_CONFIGS: by the position of an API, the prefix of its models where it has one."""
    return {
        str(position): {"enable": True, "prefix_id": endpoint["prefix"]}
        for position, endpoint in enumerate(endpoints)
        if endpoint.get("prefix")
    }
