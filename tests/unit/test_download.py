"""The guard of the download: never from https to http. The rest is tested with the model (``test_models``)."""

from __future__ import annotations

import http.client
import io
import urllib.error
import urllib.request

import pytest

from bridge.download import _StaySecure


def _redirect(origin: str, target: str) -> urllib.request.Request | None:
    headers = http.client.HTTPMessage()
    return _StaySecure().redirect_request(urllib.request.Request(origin), io.BytesIO(), 302, "Found", headers, target)


def test_https_stays_https() -> None:
    """A redirection to another https address is followed."""
    request = _redirect("https://a.example/x", "https://b.example/y")
    assert request is not None
    assert request.full_url == "https://b.example/y"


def test_https_never_becomes_http() -> None:
    """A redirection to http is refused."""
    with pytest.raises(urllib.error.URLError, match="not https"):
        _redirect("https://a.example/x", "http://a.example/x")
