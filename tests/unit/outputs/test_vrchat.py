"""``vrchat://``: what a stand-in for VRChat receives, and what the output makes of its answers."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bridge.errors import ConfigError, OutputUnavailable
from bridge.outputs import vrchat
from bridge.outputs.registry import OutputContext, create_output, parse_output
from bridge.settings import OutputSettings
from bridge.types import FaceState, OutputState
from tests.unit.outputs.vrchat_game import (
    FIRST,
    FT,
    LIDS,
    LOOK,
    SECOND,
    UNKNOWN,
    FakeDiscovery,
    Found,
    Make,
    VrchatStandIn,
    avatar_of,
    outputs,
    write_file,
)

MakeState = Callable[..., FaceState]


@pytest.fixture
def game() -> Iterator[VrchatStandIn]:
    standing = VrchatStandIn()
    yield standing
    standing.close()


@pytest.fixture
def discoveries() -> list[FakeDiscovery]:
    """Those that were made."""
    return []


@pytest.fixture
def make(game: VrchatStandIn, free_udp_port: int, discoveries: list[FakeDiscovery]) -> Iterator[Make]:
    yield from outputs(game, free_udp_port, discoveries)


# --- without an avatar ---------------------------------------------------------------------------------------------------


def test_the_whole_set_arrives_and_changes_follow(make: Make, game: VrchatStandIn, make_state: MakeState) -> None:
    """Side and sign of a one-sided face; then only what moved."""
    output = make()
    output.send(make_state(weights={"mouthSmileLeft": 0.5, "jawLeft": 0.25}, yaw=-45, t=1.0))
    first = game.heard()
    output.send(make_state(weights={"mouthSmileLeft": 0.5, "jawLeft": 0.75}, yaw=-45, t=1.1))

    assert {"SmileSadLeft": [0.5], "SmileSadRight": [0.0], "JawX": [-0.25], "Head/Yaw": [pytest.approx(0.5)]} == {
        name: first[FT + name] for name in ("SmileSadLeft", "SmileSadRight", "JawX", "Head/Yaw")
    }
    assert {FT + "JawX": [-0.75], FT + "JawLeft": [0.75]} == game.heard()
    assert (OutputState.SENDING, UNKNOWN) == (output.report().state, output.report().note)


def test_a_new_avatar_gets_everything_at_once(make: Make, game: VrchatStandIn, free_udp_port: int, make_state: MakeState) -> None:
    """VRChat says /avatar/change: the next frame is complete, status included."""
    output = make()
    output.send(make_state(t=1.0))
    first = game.heard()
    output.send(make_state(t=1.05))
    still = game.heard()
    game.puts_on(FIRST, free_udp_port)
    output.send(make_state(t=1.1))

    assert {} == still
    assert first == game.heard()
    assert ["/avatar/parameters/EyeTrackingActive"] == [address for address in first if "EyeTrackingActive" in address]


def test_a_taken_port_is_done_without(make: Make, game: VrchatStandIn, make_state: MakeState) -> None:
    """Another program listens there already: said, and sent all the same."""
    output = make(listen=game.port)
    output.send(make_state())

    assert len(game.heard()) > 100
    assert f"{UNKNOWN}; UDP port {game.port} is taken, so changes of the avatar go unnoticed" == output.report().note


def test_not_listening_is_no_trouble(make: Make, game: VrchatStandIn, make_state: MakeState) -> None:
    """listen=0."""
    output = make(listen=0)
    output.send(make_state())

    assert (UNKNOWN, True) == (output.report().note, bool(game.heard()))


def test_the_port_is_on_loopback(make: Make, free_udp_port: int) -> None:
    """On any address of 127/8 but ours it is still free: nothing else of this machine is listened on."""
    make()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.2", free_udp_port))


def test_noise_on_the_port_is_nothing(make: Make, game: VrchatStandIn, free_udp_port: int, make_state: MakeState) -> None:
    """Broken packets, more of them than one frame reads: sending goes on, and a change among them is heard in time."""
    output = make()
    output.send(make_state(t=1.0))
    game.heard()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for _ in range(100):
            stranger.sendto(b"/avatar/change\0\0,s\0\0broken", ("127.0.0.1", free_udp_port))
    game.puts_on(FIRST, free_udp_port)
    output.send(make_state(t=1.1))

    assert len(game.heard()) > 100


def test_nobody_listening_is_said(make: Make, pick_udp_port: Callable[[], int], make_state: MakeState) -> None:
    """VRChat may be started later."""
    port = pick_udp_port()
    output = make(port=port)
    for t in range(3):
        output.send(make_state(seed=t, t=float(t)))

    assert output.report().note in (UNKNOWN, f"nobody listens on 127.0.0.1:{port} yet; {UNKNOWN}")


def test_a_closed_output_does_not_send(make: Make, make_state: MakeState) -> None:
    """OutputUnavailable, as of a receiver that is away; it can be opened again."""
    output = make(opened=False)
    with pytest.raises(OutputUnavailable, match="not open"):
        output.send(make_state())
    output.open()
    output.close()
    output.open()
    output.send(make_state())


# --- discovery -----------------------------------------------------------------------------------------------------------


def test_discovery_learns_the_port_and_tells_the_avatar(
    make: Make, game: VrchatStandIn, discoveries: list[FakeDiscovery], free_udp_port: int, make_state: MakeState
) -> None:
    """From found to lost, another avatar in between."""
    output = make(discover=True, eyes="off")
    (discovery,) = discoveries
    output.send(make_state(t=1.0))
    game.heard()
    discovery.found = Found("127.0.0.1", game.port, avatar_of(FIRST, "v2/JawOpen"))
    output.send(make_state(t=1.1))
    first, note = game.heard(), output.report().note
    discovery.found = Found("127.0.0.1", game.port, avatar_of(SECOND, "v2/JawX"))
    output.send(make_state(t=1.2))
    second = game.heard()
    discovery.found = None
    output.send(make_state(weights={"jawRight": 1.0}, t=1.3))

    assert (free_udp_port, 1) == (discovery.port, discovery.started)
    assert ({"/avatar/parameters/v2/JawOpen": [0.0]}, f"avatar {FIRST}: 1 parameters") == (first, note)
    assert {"/avatar/parameters/v2/JawX": [0.0]} == second
    assert {"/avatar/parameters/v2/JawX": [1.0]} == game.heard()
    output.close()
    assert 1 == discovery.closed


def test_a_change_asks_discovery_again(
    make: Make, game: VrchatStandIn, discoveries: list[FakeDiscovery], free_udp_port: int, make_state: MakeState
) -> None:
    """Until it has answered, the avatar of before is forgotten."""
    output = make(discover=True)
    discoveries[0].found = Found("127.0.0.1", game.port, avatar_of(FIRST, "v2/JawOpen"))
    output.send(make_state(t=1.0))
    game.puts_on(SECOND, free_udp_port)
    output.send(make_state(t=1.1))

    assert (1, UNKNOWN) == (discoveries[0].refreshed, output.report().note)


def test_a_vrchat_that_appears_gets_everything(
    make: Make, game: VrchatStandIn, discoveries: list[FakeDiscovery], make_state: MakeState
) -> None:
    """It was restarted with the same avatar."""
    output = make(discover=True, eyes="off")
    avatar = avatar_of(FIRST, "v2/JawOpen")
    for t, found in ((1.0, avatar), (1.1, None), (1.2, avatar)):
        discoveries[0].found = Found("127.0.0.1", game.port, found) if found else None
        output.send(make_state(t=t))
        heard = game.heard()

    assert {"/avatar/parameters/v2/JawOpen": [0.0]} == heard


def test_the_usual_port_moves_with_vrchat(
    make: Make,
    game: VrchatStandIn,
    discoveries: list[FakeDiscovery],
    monkeypatch: pytest.MonkeyPatch,
    pick_udp_port: Callable[[], int],
) -> None:
    """--osc=... of VRChat: without a port in the URL it is found; a given one is kept."""
    usual = pick_udp_port()
    monkeypatch.setattr(vrchat, "DEFAULT_PORT", usual)
    output = make(port=usual, discover=True)
    discoveries[0].found = Found("127.0.0.1", game.port)
    output.send(FaceState.rest(t=1.0))
    moved = game.heard()
    given = make(port=pick_udp_port(), discover=True, listen=0)
    discoveries[1].found = Found("127.0.0.1", game.port, avatar_of(FIRST, "v2/JawOpen"))
    given.send(FaceState.rest(t=1.0))

    assert len(moved) > 100
    assert {} == game.heard()
    assert f"{UNKNOWN}; there is a VRChat at 127.0.0.1:{game.port}; to send to it write vrchat://127.0.0.1:{game.port}" == (
        given.report().note.partition("yet; ")[2] or given.report().note
    )


def test_nobody_else_in_the_network_gets_the_face(
    make: Make, game: VrchatStandIn, discoveries: list[FakeDiscovery], make_state: MakeState
) -> None:
    """Whoever calls himself VRChat elsewhere is named, not sent to, and not asked what the avatar has."""
    output = make(discover=True)
    discoveries[0].found = Found("192.0.2.7", game.port, avatar_of(FIRST, "v2/JawOpen"))
    output.send(make_state(t=1.0))

    assert len(game.heard()) > 100
    assert (
        f"there is a VRChat at 192.0.2.7:{game.port}; to send to it write vrchat://192.0.2.7:{game.port}" in output.report().note
    )


def test_with_discovery_any_port_will_do(
    make: Make, game: VrchatStandIn, discoveries: list[FakeDiscovery], make_state: MakeState
) -> None:
    """The usual one is taken: VRChat learns of another."""
    output = make(discover=True, listen=game.port)
    output.send(make_state(t=1.0))
    first = game.heard()
    game.puts_on(FIRST, discoveries[0].port)
    output.send(make_state(t=1.1))

    assert discoveries[0].port not in (0, game.port)
    assert first == game.heard()
    assert UNKNOWN == output.report().note


def test_discovery_that_does_not_work_is_said(
    make: Make, game: VrchatStandIn, discoveries: list[FakeDiscovery], make_state: MakeState
) -> None:
    """Sending goes on; it may work later."""
    output = make(discover=True)
    discoveries[0].problem = "no network"
    output.send(make_state(t=1.0))
    note = output.report().note
    discoveries[0].problem = None
    output.send(make_state(t=1.1))

    assert len(game.heard()) > 100
    assert (f"{UNKNOWN}; VRChat is not looked for: no network", UNKNOWN) == (note, output.report().note)


# --- the URL -------------------------------------------------------------------------------------------------------------


def test_the_url_says_it_all(game: VrchatStandIn, tmp_path: Path, make_state: MakeState) -> None:
    """Every option reaches the datagrams."""
    path = write_file(tmp_path / "a.json", FIRST, "x/v2/JawOpen")
    for query, arrives, absent in (
        ("", FT + "JawOpen", "/avatar/parameters/MouthPout"),
        ("names=v1", "/avatar/parameters/MouthPout", FT + "JawOpen"),
        ("names=both&bits=2", FT + "JawOpen2", FT + "JawOpen4"),
        ("prefix=My/v2", "/avatar/parameters/My/v2/JawOpen", FT + "JawOpen"),
        ("prefix=/avatar/parameters/v2/", "/avatar/parameters/v2/JawOpen", FT + "JawOpen"),
        ("look=CenterVec", "/tracking/eye/CenterVec", LOOK),
        ("eyes=off", FT + "JawOpen", LIDS),
        ("head=0", FT + "JawOpen", FT + "Head/Yaw"),
        ("status=0", FT + "JawOpen", "/avatar/parameters/LipTrackingActive"),
        (f"avatar={path.as_posix()}", "/avatar/parameters/x/v2/JawOpen", FT + "JawOpen"),
        ("bundle=0&max_bytes=300&epsilon=.1&refresh=0", LOOK, "/tracking/eye/CenterVec"),
    ):
        url = f"vrchat://127.0.0.1:{game.port}?oscquery=off&listen=0&{query}"
        output = create_output(parse_output(OutputSettings(url=url)), OutputContext())
        output.open()
        output.send(make_state())
        output.close()
        heard = game.heard()

        assert arrives in heard, query
        assert absent not in heard, query


def test_the_port_is_9000_when_none_is_given() -> None:
    """On this machine."""
    plan = parse_output(OutputSettings(url="vrchat://"))

    assert ("127.0.0.1", 9000) == (plan.host, plan.port)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("prefix=a%23b/", "contains '#'"),
        ("prefix=a//b", "single slashes"),
        ("bits=9", "bits"),
        ("look=Straight", "look"),
        ("max_bytes=256&prefix=" + 240 * "x", "more than the 256 of a datagram"),
    ],
)
def test_bad_options_are_refused_in_one_sentence(query: str, says: str) -> None:
    """Before anything is opened."""
    with pytest.raises(ConfigError, match=says):
        parse_output(OutputSettings(url=f"vrchat://?{query}"))
