"""What the command line hears when nobody, or somebody else, answers."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest

from bridge.control.client import ControlClient
from bridge.errors import ControlError


class Stranger(http.server.BaseHTTPRequestHandler):
    """Another program's web server."""

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture
def stranger() -> Iterator[int]:
    """Its port."""
    with http.server.HTTPServer(("127.0.0.1", 0), Stranger) as server:
        thread = threading.Thread(target=server.serve_forever, name="stranger", daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_nobody_there_is_one_sentence_with_the_remedy(free_tcp_port: int) -> None:
    """The most common mistake."""
    with ControlClient(port=free_tcp_port) as client, pytest.raises(ControlError) as caught:
        client.call("status")

    assert str(caught.value) == f"avatar-bridge is not running on 127.0.0.1:{free_tcp_port}: start it with `avatar-bridge run`"


def test_another_program_is_recognised(stranger: int) -> None:
    """It is not asked twice."""
    with ControlClient(port=stranger) as client, pytest.raises(ControlError, match="is not avatar-bridge"):
        client.call("status")
