"""Asks a running bridge from another process: what the command line uses."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from urllib.parse import quote

from websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

from bridge.control.messages import Reply, Request, parse_message, request_message
from bridge.errors import ControlError
from bridge.wire.web import in_url, reachable

OPEN_TIMEOUT_S = 3.0
CALL_TIMEOUT_S = 10.0


class ControlClient:
    """One connection, made at the first call. Blocking; one thread at a time. Also a context manager."""

    def __init__(self, host: str = "127.0.0.1", port: int = 8722, token: str = "", *, timeout_s: float = CALL_TIMEOUT_S) -> None:
        self._place = f"{in_url(reachable(host))}:{port}"
        self._token = token
        self._timeout_s = timeout_s
        self._ids = itertools.count(1)
        self._connection: ClientConnection | None = None
        self._exit = ExitStack()

    def __enter__(self) -> ControlClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def call(self, method: str, params: Mapping[str, object] | None = None) -> object:
        """The method's result. Raises ControlError: nobody answers, the token is wrong, or what the bridge says to it."""
        connection = self._connected()
        request = Request(id=next(self._ids), method=method, params=dict(params or {}))
        try:
            connection.send(request_message(request))
            while True:
                reply = parse_message(connection.recv(timeout=self._timeout_s))
                if isinstance(reply, Reply) and reply.id in (request.id, None):
                    break
        except TimeoutError as error:
            self.close()
            raise ControlError(f"avatar-bridge on {self._place} gave no answer to {method} in {self._timeout_s:.0f} s") from error
        except (WebSocketException, OSError) as error:
            self.close()
            raise ControlError(f"avatar-bridge on {self._place} hung up during {method}") from error
        if reply.error_code is not None:
            raise ControlError(reply.error_message)
        return reply.result

    def close(self) -> None:
        """Idempotent."""
        self._connection = None
        self._exit.close()

    def _connected(self) -> ClientConnection:
        if self._connection is None:
            query = f"?token={quote(self._token, safe='')}" if self._token else ""
            try:
                opening = connect(
                    f"ws://{self._place}/api/v1/control{query}",
                    compression=None,
                    proxy=None,  # an environment's proxy must never see loopback
                    open_timeout=OPEN_TIMEOUT_S,
                    close_timeout=1.0,
                    max_size=16 * 2**20,
                )
                self._connection = self._exit.enter_context(opening)
            except InvalidStatus as error:
                raise ControlError(self._refused(error)) from error
            except InvalidHandshake as error:
                raise ControlError(f"what listens on {self._place} is not avatar-bridge") from error
            except (OSError, TimeoutError) as error:
                raise ControlError(f"avatar-bridge is not running on {self._place}: start it with `avatar-bridge run`") from error
        return self._connection

    def _refused(self, error: InvalidStatus) -> str:
        response = error.response
        if response.status_code == 401:
            return f"avatar-bridge on {self._place} wants its token: set control.token to the one it runs with"
        if response.headers.get("Server") == "avatar-bridge":
            return (response.body or b"").decode(errors="replace").strip() or f"avatar-bridge on {self._place} refused"
        return f"what listens on {self._place} is not avatar-bridge"
