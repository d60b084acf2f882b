"""Two that play VRChat, each a program of its own that knows nothing of the bridge: commands on stdin, answers on stdout.

``plain`` is made of zeroconf and the standard library's HTTP server and serves exactly the JSON that it is told to. ``library``
is python-oscquery, both as a server and as a reader of others. ``StandIn`` starts and ends them.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

PATIENCE_S = 60.0
HERE = "127.0.0.1"
TYPES = ("_oscjson._tcp.local.", "_osc._udp.local.")


def can_multicast() -> bool:
    """Whether a multicast datagram on the loopback interface comes back."""
    group = socket.inet_aton("224.0.0.251") + socket.inet_aton(HERE)
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("", 0))
        line.settimeout(5.0)
        line.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
        line.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(HERE))
        line.sendto(b"?", ("224.0.0.251", line.getsockname()[1]))
        return line.recv(10) == b"?"
    return False


# --- the programs ----------------------------------------------------------------------------------------------------


def _commands() -> Iterator[dict[str, Any]]:
    for line in sys.stdin:
        yield json.loads(line)


def _say(**answer: Any) -> None:
    print(json.dumps(answer), flush=True)


def _plain() -> None:
    """show={path: JSON} is served; announce=[name, port]; bye=True; asked=True counts requests; look=name reads services."""
    import zeroconf

    pages: dict[str, str] = {}
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(self.path)
            body = pages.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write((body or "").encode())

        def log_message(self, *_: Any) -> None:
            pass

    http = ThreadingHTTPServer((HERE, 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    network = zeroconf.Zeroconf(interfaces=[HERE])
    for command in _commands():
        if "show" in command:
            pages.clear()
            pages.update(command["show"])
        elif "announce" in command:
            name, osc_port = command["announce"]
            for type_, port in zip(TYPES, (http.server_port, osc_port), strict=True):
                network.register_service(
                    zeroconf.ServiceInfo(
                        type_,
                        f"{name}.{type_}",
                        port,
                        properties={"txtvers": 1},
                        server=f"{name}.local.",
                        parsed_addresses=[HERE],
                    )
                )
        elif "bye" in command:
            network.unregister_all_services()
        elif "asked" in command:
            _say(asked=len(requests))
            continue
        elif "look" in command:
            found = [network.get_service_info(type_, f"{command['look']}.{type_}", timeout=500) for type_ in TYPES]
            _say(
                found=[
                    info
                    and {
                        "port": info.port,
                        "addresses": info.parsed_addresses(),
                        "txt": (info.properties[b"txtvers"] or b"").decode(),
                    }
                    for info in found
                ]
            )
            continue
        _say(done=True)
    network.close()
    http.shutdown()


def _library() -> None:
    """serve=[name, http port, osc port, {path: [access, value]}] plays VRChat; look=[instance, path] reads what is announced."""
    import zeroconf

    service = importlib.import_module("pythonoscquery.osc_query_service")
    client = importlib.import_module("pythonoscquery.osc_query_client")
    space = importlib.import_module("pythonoscquery.shared.osc_address_space")
    node = importlib.import_module("pythonoscquery.shared.osc_path_node")
    access = importlib.import_module("pythonoscquery.shared.osc_access")
    for command in _commands():
        if "serve" in command:
            name, http_port, osc_port, nodes = command["serve"]
            tree = space.OSCAddressSpace()
            for path, (mode, value) in nodes.items():
                tree.add_node(node.OSCPathNode(path, access.OSCAccess(mode), value))
            service.OSCQueryService(tree, name, http_port, osc_port, HERE).start()  # which says goodbye at exit
            _say(done=True)
        else:
            instance, path = command["look"]
            with zeroconf.Zeroconf(interfaces=[HERE]) as network:
                info = network.get_service_info(TYPES[0], f"{instance}.{TYPES[0]}", timeout=5000)
            reader = client.OSCQueryClient(info)
            host, found = reader.get_host_info(), reader.query_node(path)
            _say(
                host=[host.name, host.osc_ip, host.osc_port, host.osc_transport],
                node=found and [found.full_path, int(found.access), found.value, found.description],
                missing=reader.query_node("/elsewhere"),
            )


# --- whoever uses them -----------------------------------------------------------------------------------------------


class StandIn:
    """One of the programs, as a context."""

    def __init__(self, kind: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__)), kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    def do(self, **command: Any) -> dict[str, Any]:
        """Has one command carried out; its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert isinstance(answer, dict)
        return answer

    def kill(self) -> None:
        """No goodbye."""
        self._process.kill()
        self._process.wait(PATIENCE_S)

    def __enter__(self) -> StandIn:
        return self

    def __exit__(self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process.stdout.close()


if __name__ == "__main__":
    {"plain": _plain, "library": _library}[sys.argv[1]]()
