"""The page's files: an exact list of what is in ``web/``, read once. Nothing else of the disk can be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from bridge.outputs.web_server import WebResponse

WEB_FOLDER = Path(__file__).resolve().parent / "web"

_CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_ALIASES = {"/": "index.html", "/overlay": "overlay.html"}


def load_pages(folder: Path = WEB_FOLDER) -> Mapping[str, WebResponse]:
    """Path -> answer: ``/`` and ``/overlay``, and every other file of ``folder`` under ``/web/``."""
    pages: dict[str, WebResponse] = {}
    addresses = {name: address for address, name in _ALIASES.items()}
    for file in sorted(folder.iterdir()):
        content_type = _CONTENT_TYPES.get(file.suffix)
        if content_type is not None:
            # no-cache: kept, but asked for again, so that a new version of the bridge is never half an old page
            page = WebResponse(content_type=content_type, body=file.read_bytes(), cache="no-cache")
            pages[addresses.get(file.name, f"/web/{file.name}")] = page
    return MappingProxyType(pages)
