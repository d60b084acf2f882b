"""OSCQuery both ways over real multicast DNS on the loopback interface; two stand-ins for VRChat, in processes of their own."""

from __future__ import annotations

import http.client
import json
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bridge.outputs.event_loop import EventLoopThread
from bridge.outputs.oscquery import FoundVrchat, Reach, VrchatDiscovery
from bridge.wire.oscquery import AVATAR_CHANGE, Access, Node
from tests.e2e.vrchat_stand_in import PATIENCE_S, StandIn, can_multicast

pytestmark = pytest.mark.e2e

JAW = "/avatar/parameters/FT/v2/JawOpen"
OSC_PORT = 9000
Start = Callable[..., VrchatDiscovery]


@pytest.fixture(scope="module", autouse=True)
def _multicast() -> None:
    if not can_multicast():
        pytest.skip("needs multicast on the loopback interface")


@pytest.fixture(scope="module")
def _plain() -> Iterator[StandIn]:
    with StandIn("plain") as started:
        yield started


@pytest.fixture
def vrchat(_plain: StandIn) -> Iterator[StandIn]:
    """The stand-in of zeroconf and standard library, not announced, serving nothing."""
    _plain.do(show={})
    yield _plain
    _plain.do(bye=True)


@pytest.fixture
def name() -> str:
    """Of a VRChat that no other run of the tests has, nor a real VRChat."""
    return f"VRChat-Client-Test{secrets.token_hex(4)}"


@pytest.fixture
def start(name: str, free_udp_port: int) -> Iterator[Start]:
    """Starts a discovery that looks for ``name`` only, quickly; it is closed at the end."""
    started: list[VrchatDiscovery] = []

    def make(**options: Any) -> VrchatDiscovery:
        quick: dict[str, Any] = {"osc_port": free_udp_port, "reach": Reach.LOOPBACK, "prefix": name, "poll_s": 0.2}
        made = VrchatDiscovery(**quick | options)
        started.append(made)
        made.start()
        return made

    yield make
    for discovery in started:
        discovery.close()


def eventually(condition: Callable[[], object]) -> None:
    """Waits until it holds."""
    deadline = time.monotonic() + PATIENCE_S
    tick = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        tick.wait(0.02)


def pages(name: str, avatar_id: str, *parameters: str, osc_port: int | None = OSC_PORT) -> dict[str, str]:
    """What VRChat serves while an avatar with these float parameters is worn."""
    contents = {
        path.rpartition("/")[2]: {"FULL_PATH": path, "ACCESS": 3, "TYPE": "f", "VALUE": [0.0]} for path in (JAW, *parameters)
    }
    avatar = {
        "FULL_PATH": "/avatar",
        "ACCESS": 0,
        "CONTENTS": {
            "change": {"FULL_PATH": "/avatar/change", "ACCESS": 3, "TYPE": "s", "VALUE": [avatar_id]},
            "parameters": {"FULL_PATH": "/avatar/parameters", "ACCESS": 0, "CONTENTS": contents},
        },
    }
    info: dict[str, Any] = {"NAME": name, "OSC_IP": "127.0.0.1", "OSC_TRANSPORT": "UDP", "EXTENSIONS": {"VALUE": True}}
    if osc_port is not None:
        info["OSC_PORT"] = osc_port
    return {"/?HOST_INFO": json.dumps(info), "/avatar": json.dumps(avatar)}


def seen(discovery: VrchatDiscovery) -> tuple[str | None, set[str]] | None:
    """The avatar's id and parameters, as far as they are known."""
    found = discovery.found
    return None if found is None or found.avatar is None else (found.avatar.avatar_id, set(found.avatar.types))


def test_vrchat_is_found_followed_and_missed(start: Start, vrchat: StandIn, name: str) -> None:
    """It comes, another avatar is put on, the avatar is taken away, it says goodbye, and it comes back."""
    discovery = start(poll_s=PATIENCE_S)  # only `refresh` can be what makes it ask again
    vrchat.do(show=pages(name, "avtr_1"))
    vrchat.do(announce=[name, OSC_PORT])
    eventually(lambda: discovery.found)
    first = discovery.found
    assert isinstance(first, FoundVrchat)
    assert (name, "127.0.0.1", OSC_PORT) == (first.name, first.host, first.osc_port)
    assert ("avtr_1", {JAW}) == seen(discovery)

    other = "/avatar/parameters/FT/v2/MouthX"
    vrchat.do(show=pages(name, "avtr_2", other))
    discovery.refresh()
    eventually(lambda: seen(discovery) == ("avtr_2", {JAW, other}))

    vrchat.do(show={"/?HOST_INFO": pages(name, "")["/?HOST_INFO"]})
    discovery.refresh()
    eventually(lambda: discovery.found is not None and discovery.found.avatar is None)

    vrchat.do(bye=True)
    eventually(lambda: discovery.found is None)

    vrchat.do(show=pages(name, "avtr_3"))
    vrchat.do(announce=[name, OSC_PORT])
    eventually(lambda: seen(discovery) == ("avtr_3", {JAW}))
    assert discovery.problem is None


def test_without_a_message_the_avatar_is_asked_for_again(start: Start, vrchat: StandIn, name: str) -> None:
    """Messages get lost. As long as nothing changes the object stays the same."""
    discovery = start()
    vrchat.do(show=pages(name, "avtr_1", osc_port=None))
    vrchat.do(announce=[name, OSC_PORT])
    eventually(lambda: discovery.found)
    first = discovery.found
    # Without OSC_PORT in HOST_INFO it is the announced one.
    assert first is not None
    assert OSC_PORT == first.osc_port
    before = vrchat.do(asked=True)["asked"]
    eventually(lambda: vrchat.do(asked=True)["asked"] >= before + 4)
    assert first is discovery.found
    vrchat.do(show=pages(name, "avtr_2"))
    eventually(lambda: seen(discovery) == ("avtr_2", {JAW}))


def test_nonsense_is_no_vrchat_and_one_that_died_is_gone(start: Start, name: str) -> None:
    """What answers with nonsense is not taken; killed without goodbye, it is missed after a few attempts."""
    discovery = start()
    with StandIn("plain") as mortal:
        mortal.do(show={"/?HOST_INFO": "[" * 5000, "/avatar": "{}"})
        mortal.do(announce=[name, OSC_PORT])
        eventually(lambda: mortal.do(asked=True)["asked"] >= 2)
        assert discovery.found is None
        mortal.do(show=pages(name, "avtr_1"))
        eventually(lambda: discovery.found)
        mortal.kill()
        eventually(lambda: discovery.found is None)


def test_python_oscquery_as_vrchat(start: Start, name: str, free_tcp_port: int) -> None:
    """An OSCQuery server that we did not write: bools, floats, ints, containers, and what can only be read."""
    discovery = start()
    nodes = {
        "/avatar/change": [3, ["avtr_1"]],
        JAW: [3, 0.5],
        "/avatar/parameters/On": [3, True],
        "/avatar/parameters/Outfit": [2, 4],
        "/avatar/parameters/Viseme": [1, 3],
    }
    with StandIn("library") as vrchat:
        vrchat.do(serve=[name, free_tcp_port, OSC_PORT, nodes])
        eventually(lambda: discovery.found)
        found = discovery.found
    assert found is not None
    assert (name, "127.0.0.1", OSC_PORT) == (found.name, found.host, found.osc_port)
    assert found.avatar is not None
    assert "avtr_1" == found.avatar.avatar_id
    assert {JAW: "f", "/avatar/parameters/On": "T", "/avatar/parameters/Outfit": "i"} == dict(found.avatar.types)


def asked(port: int, target: str) -> tuple[int, Any]:
    """Status, and JSON if it is 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("GET", target)
        response = connection.getresponse()
        body = response.read()
        return response.status, json.loads(body) if response.status == 200 else None
    finally:
        connection.close()


def test_we_are_found_and_read(start: Start, vrchat: StandIn, free_udp_port: int) -> None:
    """By a plain zeroconf browser and the standard library: both services, HOST_INFO, the node, 404, 400, 204; then goodbye."""
    ours = f"avatar-bridge-{secrets.token_hex(4)}"
    discovery = start(name=ours)
    found: list[Any] = []

    def both() -> bool:
        found[:] = vrchat.do(look=ours)["found"]
        return None not in found

    eventually(both)
    json_service, osc_service = found
    assert {"port": free_udp_port, "addresses": ["127.0.0.1"], "txt": "1"} == osc_service
    assert (["127.0.0.1"], "1") == (json_service["addresses"], json_service["txt"])
    port = json_service["port"]
    status, info = asked(port, "/?HOST_INFO")
    assert (200, ours, "127.0.0.1", free_udp_port) == (status, info["NAME"], info["OSC_IP"], info["OSC_PORT"])
    status, node = asked(port, "/avatar/change")
    assert (200, "/avatar/change", 2, "s") == (status, node["FULL_PATH"], node["ACCESS"], node["TYPE"])
    assert [404, 400, 204] == [asked(port, target)[0] for target in ("/elsewhere", "/avatar?NONSENSE", "/avatar/change?VALUE")]
    discovery.close()
    eventually(lambda: None in vrchat.do(look=ours)["found"])
    with pytest.raises(ConnectionRefusedError):
        asked(port, "/")


def test_python_oscquery_reads_us(start: Start, vrchat: StandIn, free_udp_port: int) -> None:
    """A client that we did not write. (It wants a VALUE of every node that can be written, hence a node for it.)"""
    ours = f"avatar-bridge-{secrets.token_hex(4)}"
    node = Node(address="/bridge/gaze", access=Access.BOTH, type_tags="ff", value=(1.5, -2.0), description="degrees")
    start(name=ours, nodes=(AVATAR_CHANGE, node))
    eventually(lambda: None not in vrchat.do(look=ours)["found"])
    with StandIn("library") as reader:
        answer = reader.do(look=[ours, "/bridge/gaze"])
    assert {
        "host": [ours, "127.0.0.1", free_udp_port, "UDP"],
        "node": ["/bridge/gaze", 3, [1.5, -2.0], "degrees"],
        "missing": None,
    } == answer


def test_on_every_interface_it_works_the_same(start: Start, vrchat: StandIn, name: str) -> None:
    """``Reach.MACHINE``, on a loop that others use too, which is left running."""
    loop = EventLoopThread()
    try:
        discovery = start(reach=Reach.MACHINE, event_loop=loop)
        vrchat.do(show=pages(name, "avtr_1"))
        vrchat.do(announce=[name, OSC_PORT])
        eventually(lambda: seen(discovery) == ("avtr_1", {JAW}))
        began = time.monotonic()
        discovery.close()
        discovery.close()
        assert time.monotonic() - began < PATIENCE_S
        assert discovery.found is None
    finally:
        loop.close()


def test_where_multicast_dns_does_not_work_it_says_so(
    start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One sentence, one warning; whoever uses it goes on, and it can be closed."""

    def refuse(**_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("bridge.outputs.mdns.AsyncZeroconf", refuse)
    with caplog.at_level(logging.WARNING):
        discovery = start()
        eventually(lambda: discovery.problem)
        discovery.refresh()
    assert discovery.found is None
    assert discovery.problem is not None
    assert "UDP port 5353" in discovery.problem
    assert "Permission denied" in discovery.problem
    assert [discovery.problem] == [record.getMessage() for record in caplog.records]
