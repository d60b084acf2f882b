"""VMC, received. The sender is python-osc: nothing of ours makes the datagrams."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder
from scipy.spatial.transform import Rotation

from bridge import arkit, space
from bridge.types import Face, Float32Array
from bridge.wire.vmc_decode import VmcDecoder

Argument = str | int | float
GOLDEN_UNITY = (0.0782043543, -0.1765666723, 0.0579132789, 0.9794663554)
"""The sheet's head: MediaPipe yaw 20 (own left), pitch 10 (down), roll -5, in Unity's axes."""
OK, APPLY = ("/VMC/Ext/OK", 1), ("/VMC/Ext/Blend/Apply",)


def _message(address: str, *arguments: Argument) -> OscMessageBuilder:
    builder = OscMessageBuilder(address=address)
    for argument in arguments:
        builder.add_arg(argument, "s" if isinstance(argument, str) else "f" if isinstance(argument, float) else "i")
    return builder


def _single(address: Argument, *arguments: Argument) -> bytes:
    data: bytes = _message(str(address), *arguments).build().dgram
    return data


def _bundle(*messages: Sequence[Argument]) -> bytes:
    builder = OscBundleBuilder(IMMEDIATELY)
    for message in messages:
        builder.add_content(_message(str(message[0]), *message[1:]).build())
    data: bytes = builder.build().dgram
    return data


def _val(name: str, value: float) -> tuple[str, str, float]:
    return "/VMC/Ext/Blend/Val", name, value


def _bone(name: str, quat: Iterable[float], *, position: tuple[float, float, float] = (0.0, 0.1, 0.0)) -> tuple[Argument, ...]:
    return "/VMC/Ext/Bone/Pos", name, *position, *map(float, quat)


def _face(decoder: VmcDecoder, *datagrams: bytes) -> Face:
    """Of the last datagram; those before end no frame."""
    *before, last = datagrams
    assert [None] * len(before) == [decoder.decode(each) for each in before]
    faces = decoder.decode(last)
    assert faces is not None
    (face,) = faces
    return face


def _named(face: Face) -> dict[str, float]:
    """What is not 0."""
    return {name: float(value) for name, value in zip(arkit.NAMES, face.weights, strict=True) if value}


def _random_weights(seed: int) -> Float32Array:
    return np.random.default_rng(seed).random(52, dtype=np.float32)


# --- coefficients ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [arkit.PASCAL, arkit.NAMES, arkit.IFACIALMOCAP, tuple(map(str.lower, arkit.NAMES))])
@pytest.mark.parametrize("bundled", [True, False])
def test_all_52_arrive(names: Sequence[str], *, bundled: bool) -> None:
    """Every value under its own name, sides right, whatever the spelling, in one bundle or as single messages."""
    expected = _random_weights(1)
    messages = [*(_val(name, float(value)) for name, value in zip(names, expected, strict=True)), APPLY]
    datagrams = [_bundle(*messages)] if bundled else [_single(*each) for each in messages]

    face = _face(VmcDecoder(), *datagrams)

    assert np.array_equal(expected, face.weights)
    assert face.weights.dtype == np.float32
    assert not face.weights.flags.writeable
    assert face.head is None


def test_a_frame_ends_with_apply() -> None:
    """Values before it, over any number of datagrams; those after it are of the next frame."""
    decoder = VmcDecoder()
    first = _face(decoder, _bundle(_val("JawOpen", 0.25)), _bundle(_val("TongueOut", 0.5), APPLY, _val("JawOpen", 0.75)))

    assert {"jawOpen": 0.75, "tongueOut": 0.5} == _named(_face(decoder, _single(*APPLY)))
    assert {"tongueOut": 0.5, "jawOpen": 0.75} == _named(first)  # one datagram is one moment: its newest value counts


def test_values_stay_until_they_are_named_again() -> None:
    """Some send only what changed."""
    decoder = VmcDecoder()
    _face(decoder, _bundle(_val("JawOpen", 0.25), _val("CheekPuff", 0.5), APPLY))

    assert {"jawOpen": 0.75, "cheekPuff": 0.5} == _named(_face(decoder, _bundle(_val("JawOpen", 0.75), APPLY)))
    decoder.reset()
    assert {} == _named(_face(decoder, _single(*APPLY)))


def test_values_are_cut_to_their_range_and_integers_are_numbers() -> None:
    """Senders overshoot; NaN and infinity are not believed."""
    decoder = VmcDecoder()
    _face(decoder, _bundle(_val("CheekPuff", 0.5), _val("JawLeft", 0.5), APPLY))
    face = _face(
        decoder,
        _bundle(
            _val("JawOpen", 1.5), _val("TongueOut", -1.0), ("/VMC/Ext/Blend/Val", "JawForward", 1),
            _val("CheekPuff", float("nan")), _val("JawLeft", float("inf")), APPLY,
        ),
    )  # fmt: skip

    assert {"jawOpen": 1.0, "jawForward": 1.0, "cheekPuff": 0.5, "jawLeft": 0.5} == _named(face)


@pytest.mark.parametrize(
    ("presets", "expected"),
    [
        ({"A": 0.5}, {"jawOpen": 0.5}),
        ({"aa": 0.5}, {"jawOpen": 0.5}),
        ({"O": 0.5}, {"jawOpen": 0.5, "mouthFunnel": 0.2}),
        ({"U": 0.6}, {"mouthPucker": 0.5}),
        ({"I": 0.4}, {"jawOpen": 0.1, "mouthSmileLeft": 0.4, "mouthSmileRight": 0.4}),
        ({"E": 0.4}, {"jawOpen": 0.1, "mouthStretchLeft": 0.4, "mouthStretchRight": 0.4}),
        ({"Blink_L": 0.75}, {"eyeBlinkLeft": 0.75}),
        ({"BLINK_R": 0.75}, {"eyeBlinkRight": 0.75}),
        ({"blinkLeft": 0.5, "Blink": 0.25}, {"eyeBlinkLeft": 0.5, "eyeBlinkRight": 0.25}),
        ({"Joy": 0.5}, {"mouthSmileLeft": 0.5, "mouthSmileRight": 0.5}),
        ({"LookUp": 0.7}, {"eyeLookUpLeft": 0.8, "eyeLookUpRight": 0.8}),
        ({"JawOpen": 0.25, "A": 0.75, "Blink_L": 0.5}, {"jawOpen": 0.25, "eyeBlinkLeft": 0.5}),
    ],
)
def test_presets_stand_in_for_what_has_no_name(presets: dict[str, float], expected: dict[str, float]) -> None:
    """VRM 0 and VRM 1 names in any case; a coefficient that has its own name is that one's."""
    face = _face(VmcDecoder(), _bundle(*(_val(name, value) for name, value in presets.items()), APPLY))

    assert {name: pytest.approx(value, abs=1e-6) for name, value in expected.items()} == _named(face)


def test_a_sender_of_perfect_sync_is_not_mixed_with_its_presets() -> None:
    """Models have both, and both move; the 52 say it better."""
    named = [_val(name, 0.25) for name in arkit.PASCAL[:26]]

    face = _face(VmcDecoder(), _bundle(*named, _val("A", 1.0), _val("Joy", 1.0), APPLY))

    assert dict.fromkeys(arkit.NAMES[:26], 0.25) == _named(face)


def test_eye_bones_are_the_gaze_of_a_sender_of_presets() -> None:
    """19 degrees to the own left are half of 38; the left eye looks outwards then, the right one inwards; 7 down are a fifth."""
    x, y, z, w = Rotation.from_euler("YX", [19, 7], degrees=True).as_quat()
    eyes = [_bone(name, (x, -y, -z, w)) for name in ("LeftEye", "RightEye")]
    expected = {"eyeLookOutLeft": 0.5, "eyeLookInRight": 0.5, "eyeLookDownLeft": 0.2, "eyeLookDownRight": 0.2}

    face = _face(VmcDecoder(), _bundle(*eyes, _val("A", 0.0), APPLY))

    assert {name: pytest.approx(value, abs=1e-6) for name, value in expected.items()} == _named(face)


# --- the head --------------------------------------------------------------------------------------------------------------


def test_the_sheets_head_comes_back() -> None:
    """Yaw 20 to the own left, pitch 10 down, roll -5: the golden bytes of the sheet, then Apply."""
    golden = bytes.fromhex(
        "2f564d432f4578742f426f6e652f506f730000002c736666666666666600000048656164000000000000000000000000000000003da0299bbe34cde5"
        "3d6d36793f7abe4f"
    )
    face = _face(VmcDecoder(), golden, _single(*APPLY))

    assert face.head is not None
    assert (20.0, 10.0, -5.0) == pytest.approx(space.to_euler_deg(face.head.quat_xyzw), abs=1e-5)
    assert [0.0, 0.0, 0.0] == face.head.position_m.tolist()


def test_the_head_is_the_neck_times_the_head() -> None:
    """The head bone is local to the neck. Hips, spine, root and their like are the body's."""
    neck, local = Rotation.from_euler("YXZ", [30, -10, 5], degrees=True), Rotation.from_euler("YXZ", [-5, 20, 10], degrees=True)
    turned = Rotation.from_euler("Y", 45, degrees=True).as_quat()
    face = _face(
        VmcDecoder(),
        _bundle(
            ("/VMC/Ext/Root/Pos", "root", 1.0, 2.0, 3.0, *map(float, turned)),
            *(_bone(name, turned) for name in ("Hips", "Spine", "Chest", "UpperChest", "Jaw")),
            _bone("Neck", neck.as_quat()), _bone("Head", local.as_quat()), APPLY,
        ),
    )  # fmt: skip

    assert face.head is not None
    x, y, z, w = (neck * local).as_quat()
    assert (Rotation.from_quat([x, -y, -z, w]).inv() * Rotation.from_quat(face.head.quat_xyzw)).magnitude() < 1e-6
    assert [0.0, 0.0, 0.0] == face.head.position_m.tolist()


@pytest.mark.parametrize("alone", ["Neck", "Head"])
def test_one_bone_is_enough(alone: str) -> None:
    """Not everybody splits the rotation."""
    face = _face(VmcDecoder(), _bundle(_bone(alone, GOLDEN_UNITY), APPLY))

    assert face.head is not None
    assert (20.0, 10.0, -5.0) == pytest.approx(space.to_euler_deg(face.head.quat_xyzw), abs=1e-4)


def test_the_roots_place_is_the_heads_when_asked_for() -> None:
    """Unity's +X is the own right."""
    face = _face(
        VmcDecoder(position="root"),
        _bundle(("/VMC/Ext/Root/Pos", "root", -0.25, 0.5, -0.75, 0.0, 0.0, 0.0, 1.0), _bone("Head", GOLDEN_UNITY), APPLY),
    )

    assert face.head is not None
    assert [0.25, 0.5, -0.75] == face.head.position_m.tolist()


@pytest.mark.parametrize(
    "bad",
    [
        (0.0, 0.0, 0.0, 0.0),
        (float("nan"), 0.0, 0.0, 1.0),
        (0.0, float("inf"), 0.0, 1.0),
        (100.0, 0.0, 0.0, 1.0),
        (1.0,),
    ],
)
def test_what_is_no_rotation_leaves_the_head_as_it_was(bad: tuple[float, ...]) -> None:
    """Zeros, NaN, far from a unit, too few."""
    decoder = VmcDecoder()
    _face(decoder, _bundle(_bone("Head", GOLDEN_UNITY), APPLY))
    face = _face(decoder, _bundle(_bone("Head", bad), APPLY))

    assert face.head is not None
    assert (20.0, 10.0, -5.0) == pytest.approx(space.to_euler_deg(face.head.quat_xyzw), abs=1e-4)


def test_a_head_that_is_not_quite_a_unit_is_one() -> None:
    """float32, and senders that do not care: 1 % too long is still a rotation."""
    face = _face(VmcDecoder(), _bundle(_bone("Head", (0.0, 0.0, 0.0, 1.01)), APPLY))

    assert face.head is not None
    assert [0.0, 0.0, 0.0, 1.0] == face.head.quat_xyzw.tolist()


def test_a_sender_of_bones_alone_ends_its_frames_with_t() -> None:
    """Without expressions there is no Apply; with them T says nothing new."""
    decoder = VmcDecoder()
    face = _face(decoder, _bundle(_bone("Head", GOLDEN_UNITY)), _single("/VMC/Ext/T", 1.0))
    assert {} == _named(face)
    assert decoder.decode(_single("/VMC/Ext/T", 2.0)) is None  # nothing moved

    _face(decoder, _bundle(_bone("Head", GOLDEN_UNITY), APPLY, ("/VMC/Ext/T", 3.0)))
    assert decoder.decode(_bundle(_bone("Head", GOLDEN_UNITY), ("/VMC/Ext/T", 4.0))) is None


# --- who is there ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gone", [(0,), (0, 3, 0), (1, 3, 0, 0), (0, 0, 0, 1)])
def test_no_model_or_bad_tracking_is_no_face(gone: tuple[int, ...]) -> None:
    """Told at once, repeated with every frame, and over with the next good OK. Being calibrated or not does not matter."""
    decoder = VmcDecoder()
    frame = _bundle(_val("JawOpen", 0.5), APPLY)
    _face(decoder, frame)

    assert () == decoder.decode(_single("/VMC/Ext/OK", *gone))
    assert None is decoder.decode(_single("/VMC/Ext/OK", *gone))
    assert () == decoder.decode(frame)
    assert None is decoder.decode(_single("/VMC/Ext/OK", 1, 0, 0, 1))
    assert {"jawOpen": 0.5} == _named(_face(decoder, frame))


def test_ok_counts_for_the_datagram_it_is_in() -> None:
    """Behind Apply in the same bundle, as well-behaved senders have it."""
    decoder = VmcDecoder()

    assert () == decoder.decode(_bundle(_val("JawOpen", 0.5), APPLY, ("/VMC/Ext/OK", 1, 3, 0, 0)))
    assert {"jawOpen": 0.5} == _named(_face(decoder, _bundle(APPLY, OK)))


# --- what is nobody's ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"#bundle\0",
        b"hello",
        _single("/avatar/parameters/JawOpen", 0.5),
        _single("/VMC/Ext/Blend/Val", "JawOpen"),
        _single("/VMC/Ext/Blend/Val", 1, 2.0),
        _single("/VMC/Ext/Blend/Val", "JawOpen", "wide"),
        _single("/VMC/Ext/Bone/Pos", "Head"),
        _single("/VMC/Ext/Root/Pos"),
        _single("/VMC/Ext/OK"),
        _single("/VMC/Ext/T"),
        _single("/VMC/Ext/Cam", "Camera", *[0.0] * 8),
    ],
)
def test_what_is_no_face_says_nothing(datagram: bytes) -> None:
    """Unknown addresses, too few and wrong arguments, other bytes: as if they had not come."""
    decoder = VmcDecoder(position="root")

    assert None is decoder.decode(datagram)
    assert {} == _named(_face(decoder, _single(*APPLY)))


def test_more_arguments_than_known_are_no_harm() -> None:
    """Later versions append: Root has had 8, then 14."""
    face = _face(VmcDecoder(), _bundle((*_val("JawOpen", 0.5), 7), (*_bone("Head", GOLDEN_UNITY), 1.0), APPLY))

    assert {"jawOpen": 0.5} == _named(face)
    assert face.head is not None


def test_a_value_whose_name_is_known_already_counts_as_the_first_one_did() -> None:
    """The quick way for what comes with every frame: new values, cut to their range, NaN not believed; also in nested bundles."""
    decoder = VmcDecoder()
    for value, expected in ((0.25, 0.25), (0.75, 0.75), (float("nan"), 0.75), (2.0, 1.0), (-1.0, 0.0)):
        face = _face(decoder, _bundle(_val("JawOpen", value), _val("A", value), APPLY))
        assert expected == face.weights[arkit.INDEX["jawOpen"]]
    inner = OscBundleBuilder(IMMEDIATELY)
    inner.add_content(_message("/VMC/Ext/Blend/Val", "JawOpen", 0.5).build())
    outer = OscBundleBuilder(IMMEDIATELY)
    outer.add_content(inner.build())
    outer.add_content(_message("/VMC/Ext/Blend/Apply").build())
    for _ in range(2):
        assert 0.5 == _face(decoder, outer.build().dgram).weights[arkit.INDEX["jawOpen"]]


def test_names_without_end_are_not_remembered() -> None:
    """A sender that makes names up costs time, not memory; the known ones go on working."""
    decoder = VmcDecoder()
    for number in range(3000):
        decoder.decode(_single("/VMC/Ext/Blend/Val", f"name{number}", 0.5))
        decoder.decode(_single("/VMC/Ext/Blend/Val", "jaw" + "_" * number + "open", 0.5))

    assert len(decoder._channels) <= 256
    assert {"jawOpen": 0.5} == _named(_face(decoder, _bundle(_val("JawOpen", 0.5), APPLY)))
