"""iFacialMocap and Live Link Face for any face and any bytes: nothing raises, all stays in bounds, what goes in comes out."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import arkit, space
from bridge.stages.mirror import mirror_state
from bridge.types import Face, FaceState, Gaze, HeadPose, Presence, frozen_array
from bridge.wire import ifacialmocap, livelink, livelink_csv
from bridge.wire.ifacialmocap import IfacialmocapEncoder, Variant
from bridge.wire.ifacialmocap_requests import MOST_CLIENTS, START_FACEMOTION3D, START_V1, START_V2, Clients, parse_request
from bridge.wire.livelink import LiveLinkEncoder
from bridge.wire.signs import SIGNS

BATCH = 100
EXAMPLES = 100
"""Batches: 10,000 packets for each parser."""

_ANGLE = st.floats(-89.0, 89.0)
_LENGTH = st.floats(-10.0, 10.0)
_VARIANTS = st.sampled_from(("v1", "v2", "facemotion3d"))


@st.composite
def _states(draw: st.DrawFn) -> FaceState:
    """Any state that the stages may hand on."""
    seed = draw(st.integers(0, 2**32 - 1))
    weights = np.random.default_rng(seed).random(52, dtype=np.float32)
    weights[draw(st.integers(0, 51))] = draw(st.sampled_from((0.0, 1.0, 0.005, 1e-9)))
    quat = space.from_euler_deg(yaw=draw(st.floats(-180.0, 180.0)), pitch=draw(_ANGLE), roll=draw(st.floats(-180.0, 180.0)))
    head = HeadPose(position_m=frozen_array(np.array([draw(_LENGTH) for _ in range(3)])), quat_xyzw=frozen_array(quat))
    left, right = (draw(_ANGLE), draw(_ANGLE)), (draw(_ANGLE), draw(_ANGLE))
    return FaceState(
        subject=0,
        seq=draw(st.integers(0, 2**40)),
        t=draw(st.floats(0.0, 1e8)),
        t_done=0.0,
        presence=draw(st.sampled_from((Presence.LIVE, Presence.HELD))),
        weights=frozen_array(weights),
        head=draw(st.sampled_from((head, None))),
        gaze=Gaze(left_deg=left, right_deg=right),
    )


def _assert_sound(faces: tuple[Face, ...] | None) -> None:
    """At most one face, finite, coefficients in [0, 1], a unit quaternion."""
    if not faces:
        return
    (face,) = faces
    assert face.weights.shape == (52,)
    assert face.weights.dtype == np.float32
    assert 0.0 <= float(face.weights.min()) <= float(face.weights.max()) <= 1.0
    if face.head is not None:
        assert float(np.linalg.norm(face.head.quat_xyzw)) == pytest.approx(1.0)
        assert np.isfinite(face.head.position_m).all()


def _assert_same_head(head: HeadPose | None, back: HeadPose | None, *, angle_deg: float) -> None:
    assert back is not None
    quat = np.array([0.0, 0.0, 0.0, 1.0]) if head is None else head.quat_xyzw
    between = space.multiply(space.inverse(quat), back.quat_xyzw)
    assert float(np.linalg.norm(np.degrees(space.to_rotation_vector(between)))) < angle_deg


# --- there and back ------------------------------------------------------------------------------------------------------


@given(_states(), _VARIANTS, st.booleans(), st.sets(st.sampled_from(SIGNS)), st.booleans())
def test_ifacialmocap_there_and_back(state: FaceState, variant: Variant, swap: bool, inverted: set[str], status: bool) -> None:
    """Coefficients to half a percent, the head to a hundred-thousandth of a degree and a micrometre, with any switches."""
    encoder = IfacialmocapEncoder(variant=variant, swap_sides=swap, inverted=inverted, tracking_status=status)

    faces = ifacialmocap.decode(encoder.encode(state), swap_sides=swap, inverted=inverted)

    _assert_sound(faces)
    assert faces
    assert np.abs(state.weights - faces[0].weights).max() <= 1 / 200 + 1e-6
    _assert_same_head(state.head, faces[0].head, angle_deg=1e-5)
    if state.head is not None and faces[0].head is not None:
        assert np.abs(state.head.position_m - faces[0].head.position_m).max() < 1e-6


@given(_states(), st.sets(st.sampled_from([*SIGNS, "mouth"])))
def test_livelink_there_and_back(state: FaceState, inverted: set[livelink.Inverted]) -> None:
    """Coefficients as they were, the head to what a float32 holds."""
    packet = bytes(LiveLinkEncoder(inverted=inverted).encode(state))

    faces = livelink.decode(packet, inverted=inverted)

    _assert_sound(faces)
    assert faces
    assert np.array_equal(state.weights, faces[0].weights)
    _assert_same_head(state.head, faces[0].head, angle_deg=1e-4)
    parsed = livelink.parse(packet)
    assert parsed is not None
    assert 0 <= parsed.frame < 2**31
    assert 0.0 <= parsed.sub_frame < 1.0


@given(_states(), _VARIANTS)
def test_a_mirror_swaps_the_sides_of_a_frame(state: FaceState, variant: Variant) -> None:
    """The mirrored state is the frame with left and right exchanged, angles about the vertical and the view axis turned."""
    plain, mirrored = (
        ifacialmocap.parse(IfacialmocapEncoder(variant=variant).encode(each)) for each in (state, mirror_state(state))
    )
    names = arkit.NAMES if variant == "facemotion3d" else arkit.IFACIALMOCAP
    assert plain is not None
    assert mirrored is not None

    assert [plain.values[names[i]] for i in arkit.MIRROR_INDEX] == [mirrored.values[name] for name in names]
    (rx, ry, rz), (x, y, z) = plain.vectors["head"][:3], plain.vectors["head"][3:]
    assert (rx, -ry, -rz, -x, y, z) == pytest.approx(mirrored.vectors["head"], abs=1.1e-6)
    rx, ry, _ = plain.vectors["leftEye"]
    assert (rx, -ry, 0.0) == pytest.approx(mirrored.vectors["rightEye"], abs=1.1e-6)


@given(st.lists(_states(), min_size=1, max_size=4), _VARIANTS)
def test_no_frame_repeats_the_one_before(states: list[FaceState], variant: Variant) -> None:
    """Whatever is sent, as often as you like."""
    encoder = IfacialmocapEncoder(variant=variant)
    frames = [encoder.encode(state) for state in states for _ in range(3)]

    assert all(frame != before for frame, before in zip(frames[1:], frames, strict=False))
    assert all(frame.count(b"=") == 1 and frame.endswith(b"|") for frame in frames)


@given(_states())
def test_a_table_there_and_back(state: FaceState) -> None:
    """Coefficients to ten decimals."""
    columns = livelink_csv.parse_header(livelink_csv.HEADER)
    t_s = state.t % 86400.0

    stamp, values = livelink_csv.parse_row(livelink_csv.row(Face(weights=state.weights, head=state.head), t_s=t_s), columns)

    face = livelink_csv.face_of(values, columns)
    assert t_s == pytest.approx(stamp.second + stamp.frame / livelink_csv.FPS, abs=1e-4)
    assert np.abs(state.weights - face.weights).max() < 1e-9
    _assert_same_head(state.head, face.head, angle_deg=1e-4)


# --- 10,000 damaged and random packets for each parser -------------------------------------------------------------------

_WORDS = (
    b"|", b"&", b"-", b"#", b"=", b",", b"\0", b"\xff", b"jawOpen", b"trackingStatus", b"=head#", b"nan", b"1e999",
    b"-0", b"9" * 40,     b"|protocol=tcp", b"|sendDataVersion=v2", b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00",
    b"\x7f\xc0\x00\x00", b"\n", b'"', b":", b"_",
)  # fmt: skip


def _damaged(seed: int, good: tuple[bytes, ...]) -> Iterator[bytes]:
    """A batch: good packets with bytes changed, cut out, doubled, cut off, words put in; and bytes by chance."""
    chance = random.Random(seed)
    for _ in range(BATCH):
        data = bytearray(chance.choice(good))
        for _ in range(chance.randint(0, 6)):
            at = chance.randrange(len(data) + 1)
            match chance.randrange(6):
                case 0 if at < len(data):
                    data[at] = chance.randrange(256)
                case 1:
                    del data[at : at + chance.randint(1, 40)]
                case 2:
                    data[at:at] = data[at : at + chance.randint(1, 200)]
                case 3:
                    data[at:at] = chance.choice(_WORDS)
                case 4:
                    del data[at:]
                case _:
                    data[at:at] = chance.randbytes(chance.randint(1, 20))
        yield chance.randbytes(chance.randint(0, 400)) if chance.random() < 0.1 else bytes(data)


@pytest.fixture(scope="module")
def good(make_state: Callable[..., FaceState]) -> dict[str, tuple[bytes, ...]]:
    """What each parser is made for."""
    state = make_state(seed=1)
    variants: tuple[Variant, ...] = ("v1", "v2", "facemotion3d")
    face = Face(weights=state.weights, head=state.head)
    return {
        "ifacialmocap": tuple(IfacialmocapEncoder(variant=variant).encode(state) for variant in variants),
        "livelink": tuple(
            bytes(LiveLinkEncoder(absent="short", subject_name=name).encode(each))
            for name in ("Face", "Ä" * 60)
            for each in (state, make_state(presence=Presence.LOST))
        ),
        "table": (livelink_csv.HEADER.encode(), livelink_csv.row(face, t_s=5.0).encode()),
        "request": (START_V1, START_V2, START_FACEMOTION3D, b"iFacialMocap_lookForward", b"StopStreaming_FACEMOTION3D"),
    }


def _fuzz(good: tuple[bytes, ...], check: Callable[[bytes], bool]) -> None:
    """``check`` for 10,000 packets; it says whether there was something in it. Not all may be nothing, nor all whole."""
    seen: list[bool] = []

    @settings(max_examples=EXAMPLES, deadline=None, database=None)
    @given(st.integers(0, 2**63 - 1))
    def run(seed: int) -> None:
        seen.extend(check(data) for data in _damaged(seed, good))

    run()
    assert len(seen) >= 10_000
    assert 0 < sum(seen) < len(seen)


def test_no_bytes_upset_ifacialmocap(good: dict[str, tuple[bytes, ...]]) -> None:
    """A face within bounds, or none."""

    def check(data: bytes) -> bool:
        faces = ifacialmocap.decode(data)
        _assert_sound(faces)
        return bool(faces)

    _fuzz(good["ifacialmocap"], check)


def test_no_bytes_upset_livelink(good: dict[str, tuple[bytes, ...]]) -> None:
    """A face within bounds, or none."""

    def check(data: bytes) -> bool:
        faces = livelink.decode(data)
        _assert_sound(faces)
        return bool(faces)

    _fuzz(good["livelink"], check)


def test_no_text_upsets_the_table(good: dict[str, tuple[bytes, ...]]) -> None:
    """Header and row are read, or refused with a sentence."""
    whole = livelink_csv.parse_header(livelink_csv.HEADER)
    stamps: list[livelink_csv.Stamp] = []
    sentences: list[str] = []

    def check(data: bytes) -> bool:
        text = data.decode("utf-8", "replace")
        columns = whole
        try:
            if text.startswith("Time"):
                columns = livelink_csv.parse_header(text)
                text = ",".join(["0:0:0:0"] * columns.width)
            stamp, values = livelink_csv.parse_row(text, columns)
        except livelink_csv.BadTable as error:
            sentences.append(str(error))
            return False
        _assert_sound((livelink_csv.face_of(values, columns),))
        assert np.isfinite(values).all()
        stamps.append(stamp)
        return True

    _fuzz(good["table"], check)
    assert all(0 < len(sentence) < 300 for sentence in sentences)
    try:
        times = livelink_csv.times_s(stamps)
    except livelink_csv.BadTable:
        times = livelink_csv.times_s(sorted(stamps, key=lambda stamp: (stamp.second, stamp.frame)))
    assert all(math.isfinite(t) for t in times)


def test_no_request_upsets_the_phone(good: dict[str, tuple[bytes, ...]]) -> None:
    """A wish or none; never more clients than there are places."""
    clients = Clients(offered=("v1", "v2", "facemotion3d"), expire_s=50.0)
    now = 0.0

    def check(data: bytes) -> bool:
        nonlocal now
        now += 1.0
        assert parse_request(data) is clients.hear(f"10.0.0.{int(now) % 99}", data, now)
        assert len(clients.at(now)) <= MOST_CLIENTS
        return parse_request(data) is not None

    _fuzz(good["request"], check)
