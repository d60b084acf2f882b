"""One file over HTTPS, continued where an earlier attempt broke off."""

from __future__ import annotations

import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

_CHUNK = 1 << 16


class _StaySecure(urllib.request.HTTPRedirectHandler):
    """Follows redirections, but never from https to http."""

    def redirect_request(  # noqa: PLR0917 - urllib's own signature
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if urlsplit(req.full_url).scheme == "https" and urlsplit(newurl).scheme != "https":
            raise urllib.error.URLError(f"the server redirects to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(
    url: str,
    part: Path,
    *,
    size: int,
    progress: Callable[[int, int], None],
    allow_http: bool = False,
    timeout_s: float = 20.0,
) -> None:
    """Fills ``part`` until it has ``size`` bytes (one more, if the server sends more, so that a check of the size sees it).

    Bytes already in ``part`` are asked for again only when the server cannot continue. ``timeout_s`` is the longest silence.
    The file is on the disk when this returns. Raises OSError, which urllib's errors are; then ``part`` keeps what came.
    """
    if urlsplit(url).scheme != "https" and not allow_http:
        raise urllib.error.URLError(f"{url} is not an https address")
    have = part.stat().st_size if part.is_file() else 0
    if have >= size:  # complete, to be verified by the caller; or of another file
        return
    opener = urllib.request.build_opener(_StaySecure)
    request = urllib.request.Request(url, headers={"User-Agent": "avatar-bridge"} | ({"Range": f"bytes={have}-"} if have else {}))
    try:
        with _open(opener, request, url, timeout_s=timeout_s) as response:
            continued = response.status == HTTPStatus.PARTIAL_CONTENT and _begins_at(response, have)
            with part.open("ab" if continued else "wb") as file:
                _copy(response, file, done=have if continued else 0, size=size, progress=progress)
                file.flush()
                os.fsync(file.fileno())
    except http.client.HTTPException as error:  # a connection that broke inside a chunk
        raise OSError(f"the connection broke: {type(error).__name__}") from error
    got = part.stat().st_size
    if got < size:
        raise OSError(f"the connection ended after {got} of {size} bytes; the next attempt goes on from there")


def _open(
    opener: urllib.request.OpenerDirector, request: urllib.request.Request, url: str, *, timeout_s: float
) -> http.client.HTTPResponse:
    try:
        response: http.client.HTTPResponse = opener.open(request, timeout=timeout_s)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise OSError(f"{urlsplit(url).hostname} answered {error.code} {error.reason}") from error
        response = opener.open(urllib.request.Request(url, headers={"User-Agent": "avatar-bridge"}), timeout=timeout_s)
    return response


def _begins_at(response: http.client.HTTPResponse, offset: int) -> bool:
    return (response.headers.get("Content-Range") or "").startswith(f"bytes {offset}-")


def _copy(
    response: http.client.HTTPResponse, file: IO[bytes], *, done: int, size: int, progress: Callable[[int, int], None]
) -> None:
    progress(done, size)
    while done <= size and (chunk := response.read1(min(_CHUNK, size + 1 - done))):
        file.write(chunk)
        done += len(chunk)
        progress(min(done, size), size)
