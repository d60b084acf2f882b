"""``vmc:`` and ``vts-phone:`` in ``source.input``: whom they hear, where, and what they ask for."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable

import pytest
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from bridge import arkit
from bridge.errors import ConfigError
from bridge.settings import SourceSettings
from bridge.sources.network import DatagramSource
from bridge.sources.select import make_source
from bridge.types import TrackResult

DEADLINE_S = 30.0


def _make(text: str) -> DatagramSource:
    source = make_source(SourceSettings(input=text))
    assert isinstance(source, DatagramSource)
    return source


@pytest.mark.parametrize(
    ("text", "label", "fed_by"),
    [
        ("vmc", "VMC from 127.0.0.1", 39540),
        ("vmc:", "VMC from 127.0.0.1", 39540),
        ("vmc::5000", "VMC from 127.0.0.1", 5000),
        ("vmc:192.168.1.20", "VMC from 192.168.1.20", None),
        ("vmc:any", "VMC", 39540),
        ("vmc:any:5000?position=root", "VMC", 5000),
        ("vmc://127.0.0.1:5000", "VMC from 127.0.0.1", 5000),
        ("vts-phone:192.168.1.20", "VTube Studio's phone app from 192.168.1.20", None),
        ("vts-phone:127.0.0.1", "VTube Studio's phone app from 127.0.0.1", 21412),
        ("vts-phone:localhost:5000?flip=yaw&listen=6000", "VTube Studio's phone app from localhost", 5000),
    ],
)
def test_the_input_names_the_sender(text: str, label: str, fed_by: int | None) -> None:
    """And the port by which an output of this machine would feed it."""
    source = _make(text)

    assert (label, fed_by) == (source.label, source.fed_by_port)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("vmc:phone:x", "port 'x'"),
        ("vmc:?axes=1", "unknown option 'axes'; there are position"),
        ("vmc:any?position=hips", "position: input should be 'off' or 'root'"),
        ("vts-phone", "name the sender, for example vts-phone:192.168.1.20"),
        ("vts-phone:any", "a phone sends only to who asks it"),
        ("vts-phone:192.168.1.20?flip=sideways", "flip.0: input should be 'yaw'"),
        ("vts-phone:192.168.1.20?listen=70000", "listen: input should be less than"),
    ],
)
def test_what_is_no_sender_is_refused(text: str, sentence: str) -> None:
    """Before anything is opened."""
    with pytest.raises(ConfigError) as caught:
        _make(text)

    assert sentence in str(caught.value)


def test_vmc_comes_from_python_osc(free_udp_port: int) -> None:
    """A bundle of its own through a real socket: the coefficients of the face are those that were sent."""
    builder = OscBundleBuilder(IMMEDIATELY)
    for name, value in (("JawOpen", 0.5), ("eyeBlinkLeft", 0.25)):
        message = OscMessageBuilder(address="/VMC/Ext/Blend/Val")
        message.add_arg(name, "s")
        message.add_arg(value, "f")
        builder.add_content(message.build())
    builder.add_content(OscMessageBuilder(address="/VMC/Ext/Blend/Apply").build())
    source = _make(f"vmc:127.0.0.1:{free_udp_port}")
    source.open()
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
            sending.sendto(builder.build().dgram, ("127.0.0.1", free_udp_port))
            result = source.read()
    finally:
        source.close()

    assert isinstance(result, TrackResult)
    (face,) = result.faces
    named = {name: float(value) for name, value in zip(arkit.NAMES, face.weights, strict=True) if value}
    assert {"jawOpen": 0.5, "eyeBlinkLeft": 0.25} == named


@pytest.mark.parametrize("fixed", [True, False])
def test_a_phone_is_asked_for_our_port(pick_udp_port: Callable[[], int], *, fixed: bool) -> None:
    """The sheet's request, 5 s long, with whatever port we have; the answer to that port is heard."""
    own = pick_udp_port() if fixed else 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind(("127.0.0.1", 0))
        phone.settimeout(DEADLINE_S)
        source = _make(f"vts-phone:127.0.0.1:{phone.getsockname()[1]}?listen={own}")
        source.open()
        try:
            assert None is source.poll(0.0)
            data, address = phone.recvfrom(1000)
            (port,) = json.loads(data)["ports"]
            frame = {"FaceFound": True, "BlendShapes": [{"k": "JawOpen", "v": 0.5}]}
            phone.sendto(json.dumps(frame).encode(), ("127.0.0.1", port))
            result = source.read()
        finally:
            source.close()

    assert {
        "messageType": "iOSTrackingDataRequest", "time": 5.0, "sentBy": "avatar-bridge", "ports": [address[1]],
    } == json.loads(data)  # fmt: skip
    assert port == (own or address[1])
    assert 0.5 == result.faces[0].weights[arkit.INDEX["jawOpen"]]
