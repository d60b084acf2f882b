"""What receivers ask the phone, and who is sent frames for how long."""

from __future__ import annotations

import pytest

from bridge.wire.ifacialmocap_requests import MOST_CLIENTS, START_FACEMOTION3D, START_V1, START_V2, Clients, Wish, parse_request


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (START_V1, Wish.V1),
        (START_V2, Wish.V2),
        (START_V2 + b"\0", Wish.V2),
        (START_V1 + b"\r\n", Wish.V1),
        (START_V1 + b"|sendDataVersion=v9", Wish.V1),
        (START_V1 + b"|fps=60|sendDataVersion=v2", Wish.V2),
        (START_FACEMOTION3D, Wish.FACEMOTION3D),
        (START_FACEMOTION3D + b"|protocol=tcp", Wish.TCP),
        (b"iFacialMocap_UDPTCP_sahuasouryya9218sauhuiayeta91555dy3719", Wish.TCP),
        (b"iFacialMocap_UDPTCP_sahuasouryya9218sauhuiayeta91555dy3719|sendDataVersion=v2", Wish.TCP),
        (b"iFacialMocap_UDPTCPSTOP_sahuasouryya9218sauhuiayeta91555dy3719", Wish.STOP),
        (b"StopStreaming_FACEMOTION3D", Wish.STOP),
        (b"iFacialMocap_lookForward", Wish.RECENTRE),
        (b"iFacialMocap_bakeRecordedAnimation_start", None),
        (START_V1[:-1], None),
        (START_V1.lower(), None),
        (b"", None),
        (b"\0", None),
        (b"|", None),
        (b"\xff\xfe", None),
        (START_V1 + b"|" + b"x" * 1000, None),
    ],
)
def test_requests(data: bytes, expected: Wish | None) -> None:
    """The sheet's strings, with what senders add to them; everything else is nothing."""
    assert expected is parse_request(data)


@pytest.fixture
def clients() -> Clients:
    """Room for all, for ever."""
    return Clients(offered=("v1", "v2"))


def _hosts(clients: Clients, now: float = 0.0) -> list[tuple[str, str]]:
    return [(client.host, client.variant) for client in clients.at(now)]


def test_who_asks_gets_what_it_asked_for(clients: Clients) -> None:
    """Several at once, each in its version."""
    clients.hear("10.0.0.1", START_V1, 0.0)
    clients.hear("10.0.0.2", START_V2, 1.0)

    assert [("10.0.0.1", "v1"), ("10.0.0.2", "v2")] == _hosts(clients, 1e9)


def test_the_last_request_counts(clients: Clients) -> None:
    """A host is one client."""
    clients.hear("10.0.0.1", START_V1, 0.0)
    clients.hear("10.0.0.1", START_V2, 1.0)

    assert [("10.0.0.1", "v2")] == _hosts(clients)


def test_stop_is_heard_and_the_rest_is_not(clients: Clients) -> None:
    """A host stops itself only; recentring, TCP and other apps' start strings change nothing."""
    clients.hear("10.0.0.1", START_V1, 0.0)
    for data in (b"iFacialMocap_lookForward", START_FACEMOTION3D, b"iFacialMocap_UDPTCP_sahuasouryya9218sauhuiayeta91555dy3719"):
        clients.hear("10.0.0.3", data, 0.0)
    clients.hear("10.0.0.2", b"StopStreaming_FACEMOTION3D", 0.0)
    assert [("10.0.0.1", "v1")] == _hosts(clients)

    clients.hear("10.0.0.1", b"iFacialMocap_UDPTCPSTOP_sahuasouryya9218sauhuiayeta91555dy3719", 0.0)

    assert [] == _hosts(clients)


def test_places_are_limited(clients: Clients) -> None:
    """Who has one keeps it and may ask again; the next gets one when it is free."""
    for i in range(MOST_CLIENTS + 1):
        clients.hear(f"10.0.0.{i}", START_V1, 0.0)
    clients.hear("10.0.0.0", START_V2, 0.0)
    assert MOST_CLIENTS == len(clients.at(0.0))
    assert ("10.0.0.0", "v2") in _hosts(clients)

    clients.drop("10.0.0.0")
    clients.hear("10.0.1.1", START_V1, 0.0)

    assert ("10.0.1.1", "v1") in _hosts(clients)


def test_who_asks_no_more_is_forgotten_if_so_wished() -> None:
    """By its last request, and its place is free for others."""
    clients = Clients(offered=["v1"], expire_s=10.0)
    clients.hear("10.0.0.1", START_V1, 0.0)
    clients.hear("10.0.0.2", START_V1, 5.0)
    clients.hear("10.0.0.1", START_V1, 8.0)

    assert [2, 1, 0] == [len(clients.at(now)) for now in (15.0, 18.0, 18.1)]
