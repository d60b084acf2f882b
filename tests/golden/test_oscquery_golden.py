"""The JSON of OSCQuery as the sheet has it (VRChat, section 4), served and read."""

from __future__ import annotations

import json

from bridge.wire.oscquery import (
    AVATAR_CHANGE,
    AVATAR_PARAMETERS,
    Access,
    HostInfo,
    Node,
    OscQueryRoot,
    parse_avatar,
    parse_host_info,
)

HOST_INFO = """{"NAME": "VRChat-Client-A1B2C3", "OSC_IP": "127.0.0.1", "OSC_PORT": 9000, "OSC_TRANSPORT": "UDP",
    "EXTENSIONS": {"ACCESS": true, "CLIPMODE": false, "RANGE": true, "TYPE": true, "VALUE": true}}"""

VRCHAT_AVATAR = """{
  "FULL_PATH": "/avatar", "ACCESS": 0, "DESCRIPTION": "",
  "CONTENTS": {
    "change": {"FULL_PATH": "/avatar/change", "ACCESS": 3, "TYPE": "s", "VALUE": ["avtr_c38a1615-5bf5-42b4-84eb-a8b6c37cbd11"]},
    "parameters": {"FULL_PATH": "/avatar/parameters", "ACCESS": 0, "CONTENTS": {
      "FT": {"FULL_PATH": "/avatar/parameters/FT", "ACCESS": 0, "CONTENTS": {
        "v2": {"FULL_PATH": "/avatar/parameters/FT/v2", "ACCESS": 0, "CONTENTS": {
          "JawOpen": {"FULL_PATH": "/avatar/parameters/FT/v2/JawOpen", "ACCESS": 3, "TYPE": "f", "VALUE": [0.0]},
          "JawX1": {"FULL_PATH": "/avatar/parameters/FT/v2/JawX1", "ACCESS": 3, "TYPE": "T", "VALUE": [false]},
          "JawX2": {"FULL_PATH": "/avatar/parameters/FT/v2/JawX2", "ACCESS": 3, "TYPE": "F", "VALUE": [false]}}}}},
      "Outfit": {"FULL_PATH": "/avatar/parameters/Outfit", "ACCESS": 3, "TYPE": "i", "VALUE": [2], "CONTENTS": {
        "Hat": {"FULL_PATH": "/avatar/parameters/Outfit/Hat", "ACCESS": 2, "TYPE": "T"}}},
      "VelocityZ": {"FULL_PATH": "/avatar/parameters/VelocityZ", "ACCESS": 1, "TYPE": "f", "VALUE": [0.25]}}}}}"""

OURS = HostInfo(name="avatar-bridge-1A2B3C", osc_ip="127.0.0.1", osc_port=9001)


def test_vrchats_host_info_is_read() -> None:
    """Name, address, port, transport."""
    expected = HostInfo(name="VRChat-Client-A1B2C3", osc_ip="127.0.0.1", osc_port=9000, osc_transport="UDP")

    assert expected == parse_host_info(HOST_INFO)


def test_vrchats_avatar_is_read() -> None:
    """Parameters at any depth, below others too; a bool is T whatever its value; what is only readable is left out."""
    avatar = parse_avatar(VRCHAT_AVATAR)

    assert "avtr_c38a1615-5bf5-42b4-84eb-a8b6c37cbd11" == avatar.avatar_id
    assert {
        "/avatar/parameters/FT/v2/JawOpen": "f",
        "/avatar/parameters/FT/v2/JawX1": "T",
        "/avatar/parameters/FT/v2/JawX2": "T",
        "/avatar/parameters/Outfit": "i",
        "/avatar/parameters/Outfit/Hat": "T",
    } == dict(avatar.types)


def test_our_host_info() -> None:
    """The same keys as VRChat's; RANGE is nothing we serve."""
    expected = {
        "NAME": "avatar-bridge-1A2B3C",
        "OSC_IP": "127.0.0.1",
        "OSC_PORT": 9001,
        "OSC_TRANSPORT": "UDP",
        "EXTENSIONS": {"ACCESS": True, "CLIPMODE": False, "DESCRIPTION": True, "RANGE": False, "TYPE": True, "VALUE": True},
    }
    answer = OscQueryRoot(OURS, [AVATAR_CHANGE]).answer("/?HOST_INFO")

    assert (200, expected) == (answer.status, json.loads(answer.text))
    assert OURS == parse_host_info(answer.text)


def test_our_root_makes_vrchat_send() -> None:
    """``/avatar/change``, to be written, one string; everything above it is a plain container."""
    expected = {
        "FULL_PATH": "/",
        "ACCESS": 0,
        "CONTENTS": {
            "avatar": {
                "FULL_PATH": "/avatar",
                "ACCESS": 0,
                "CONTENTS": {
                    "change": {
                        "FULL_PATH": "/avatar/change",
                        "ACCESS": 2,
                        "TYPE": "s",
                        "DESCRIPTION": "id of the avatar that is worn",
                    },
                    "parameters": {
                        "FULL_PATH": "/avatar/parameters",
                        "ACCESS": 0,
                        "DESCRIPTION": "parameters of the avatar that is worn",
                    },
                },
            }
        },
    }
    answer = OscQueryRoot(OURS, [AVATAR_CHANGE, AVATAR_PARAMETERS]).answer("/")

    assert (200, expected) == (answer.status, json.loads(answer.text))


def test_what_we_serve_can_be_read_as_an_avatar() -> None:
    """The two directions agree with each other."""
    nodes = [
        Node(address="/avatar/change", access=Access.BOTH, type_tags="s", value=("avtr_1",)),
        Node(address="/avatar/parameters/FT/v2/JawOpen", access=Access.BOTH, type_tags="f", value=(0.5,)),
        Node(address="/avatar/parameters/Viseme", access=Access.READ, type_tags="i", value=(1,)),
    ]
    avatar = parse_avatar(OscQueryRoot(OURS, nodes).answer("/avatar").text)

    assert ("avtr_1", {"/avatar/parameters/FT/v2/JawOpen": "f"}) == (avatar.avatar_id, dict(avatar.types))
