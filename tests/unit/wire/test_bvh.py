"""BVH: what is in ours, and what is taken from anybody's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from bridge import space
from bridge.types import frozen_array
from bridge.wire import bvh
from bridge.wire.animation import EXPRESSIONS, Animation, BadAnimation


def take(times: Sequence[float], angles: Sequence[tuple[float, float, float]]) -> Animation:
    """A head at these times, (yaw, pitch, roll)."""
    count = len(times)
    head = np.stack([space.from_euler_deg(yaw=y, pitch=p, roll=r) for y, p, r in angles])
    return Animation(
        times_s=frozen_array(np.array(times)),
        weights=frozen_array(np.zeros((count, 52), np.float32)),
        presets=frozen_array(np.zeros((count, len(EXPRESSIONS)), np.float32)),
        head_xyzw=frozen_array(head),
        gaze_deg=frozen_array(np.zeros((count, 2))),
    )


def eulers(animation: Animation) -> list[tuple[float, float, float]]:
    return [tuple(round(angle, 4) for angle in space.to_euler_deg(row)) for row in animation.head_xyzw]  # type: ignore[misc]


def file_of(hierarchy: str, *frames: str, frame_time: str = "0.1") -> bytes:
    return "\n".join(["HIERARCHY", hierarchy, "MOTION", f"Frames: {len(frames)}", f"Frame Time: {frame_time}", *frames]).encode()


HEAD_ONLY = "ROOT Head\n{\nOFFSET 0 0 0\nCHANNELS 3 Yrotation Xrotation Zrotation\nEnd Site\n{\nOFFSET 0 1 0\n}\n}"


@pytest.mark.parametrize("neck", [0.0, 0.5, 1.0])
def test_what_is_written_is_read(neck: float) -> None:
    """Within the six decimals; neck and head together."""
    angles = [(0.0, 0.0, 0.0), (20.0, 10.0, -5.0), (-40.0, -15.0, 12.5)]

    data = bvh.encode(take([0.0, 0.04, 0.08], angles), neck=neck)
    back = bvh.decode(data)

    assert [0.0, 0.04, 0.08] == pytest.approx(back.times_s.tolist(), abs=1e-9)
    assert angles == eulers(back)
    assert (neck > 0.0) == (b"JOINT Neck" in data)


def test_uneven_results_are_put_on_their_median_pace() -> None:
    """Yaw goes 10 degrees a second throughout, a gap and jitter included: so it does in the file."""
    times = [0.0, 0.1, 0.19, 0.31, 0.4, 0.5, 0.6, 1.0, 1.1]
    back = bvh.decode(bvh.encode(take(times, [(10 * t, 0.0, 0.0) for t in times])))

    assert [round(0.1 * k, 6) for k in range(12)] == [round(t, 6) for t in back.times_s.tolist()]
    assert [round(1.0 * k, 4) for k in range(12)] == [yaw for yaw, _, _ in eulers(back)]


def test_an_hour_does_not_drift() -> None:
    """The frame time has as many decimals as it needs."""
    times = (np.arange(1000) * (3600.0 / 1000)).tolist()
    thirty = take((np.arange(300) / 30).tolist(), [(0.0, 0.0, 0.0)] * 300)

    assert b"Frame Time: 0.033333333\n" in bvh.encode(thirty)
    assert b"Frame Time: 3.600000\n" in bvh.encode(take(times, [(0.0, 0.0, 0.0)] * 1000))


def test_a_single_moment_is_a_file() -> None:
    """As of a still picture."""
    assert [(5.0, 0.0, 0.0)] == eulers(bvh.decode(bvh.encode(take([7.0], [(5.0, 0.0, 0.0)]))))


def test_angles_do_not_jump_by_a_turn() -> None:
    """Whoever draws a line between two frames does not spin the head."""
    angles = [(170.0 + 4.0 * k, 0.0, 0.0) for k in range(6)]
    data = bvh.encode(take([0.1 * k for k in range(6)], angles), neck=0.0).decode()

    yaws = [float(line.split()[6]) for line in data.splitlines()[-6:]]
    assert [170.0, 174.0, 178.0, 182.0, 186.0, 190.0] == pytest.approx(yaws, abs=1e-5)


@pytest.mark.parametrize(
    ("order", "numbers"),
    [
        ("Yrotation Xrotation Zrotation", "20 10 -5"),
        ("ZROTATION xrotation Yrotation", "-0.92 10.17 19.62"),
        ("Xposition Yrotation Zposition Xrotation Zrotation", "7 20 9 10 -5"),
    ],
)
def test_any_order_of_channels(order: str, numbers: str) -> None:
    """The product in the listed order; positions are not the head's rotation."""
    names = order.split()
    hierarchy = HEAD_ONLY.replace("CHANNELS 3 Yrotation Xrotation Zrotation", f"CHANNELS {len(names)} {order}")
    turned = {"x": (0, 1, 0), "y": (1, 0, 0), "z": (0, 0, 1)}
    wanted = np.array([0.0, 0.0, 0.0, 1.0])
    for name, number in zip(names, map(float, numbers.split()), strict=True):
        if name.lower().endswith("rotation"):
            yaw, pitch, roll = (number * unit for unit in turned[name[0].lower()])
            wanted = space.multiply(wanted, space.from_euler_deg(yaw=yaw, pitch=pitch, roll=roll))

    back = bvh.decode(file_of(hierarchy, numbers))

    assert 1e-9 > space.angle_between_deg(wanted, space.canonical(back.head_xyzw[0]))


@pytest.mark.parametrize("name", ["Head", "head", "mixamorig:Head", "Bip01 Head", "character_Head"])
def test_the_head_of_any_skeleton(name: str) -> None:
    """Behind arms that come first; everything above it counts, nothing beside it."""
    channels = "CHANNELS 3 Zrotation Xrotation Yrotation"
    hierarchy = (
        f"ROOT hip {{\n OFFSET 0 0 0\n CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation\n"
        f" JOINT arm {{ \n OFFSET 1 0 0\n {channels}\n End Site {{ \n OFFSET 1 0 0\n }} }}\n"
        f" JOINT {name} {{\n OFFSET 0 1 0\n {channels}\n End Site {{\n OFFSET 0 1 0\n }} }} }}"
    )
    back = bvh.decode(file_of(hierarchy, "1 2 3 0 0 10   40 50 60   0 0 20"))

    assert [(30.0, 0.0, 0.0)] == eulers(back)


def test_windows_line_ends_a_mark_and_old_letters() -> None:
    """A byte order mark, CR LF, and names that are no UTF-8."""
    data = file_of(HEAD_ONLY, "20 0 0").replace(b"\n", b"\r\n")

    assert [(20.0, 0.0, 0.0)] == eulers(bvh.decode(b"\xef\xbb\xbf" + data))
    assert [(20.0, 0.0, 0.0)] == eulers(bvh.decode(data.replace(b"End Site", b"End K\xf6rper")))


def test_a_last_frame_that_is_cut_off_is_left_out() -> None:
    """As a full disk leaves it; ``Frames:`` may also promise more, or less."""
    data = file_of(HEAD_ONLY, "1 0 0", "2 0 0", "3 0")

    assert [1.0, 2.0] == [yaw for yaw, _, _ in eulers(bvh.decode(data))]
    assert [1.0, 2.0] == [yaw for yaw, _, _ in eulers(bvh.decode(data.replace(b"Frames: 3", b"Frames: 4000000000")))]
    assert [1.0] == [yaw for yaw, _, _ in eulers(bvh.decode(data.replace(b"Frames: 3", b"Frames: 1")))]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a BVH file"),
        (b"glTF", "not a BVH file"),
        (file_of("ROOT Hips\n{\nOFFSET 0 0 0\nCHANNELS 1 Yrotation\n}", "1"), "no joint called Head"),
        (file_of(HEAD_ONLY), "no frames"),
        (file_of(HEAD_ONLY, "1 2"), "no frames"),
        (file_of(HEAD_ONLY, "1 2 3 4"), "has not the 3 numbers"),
        (file_of(HEAD_ONLY, "1 2", "1 2 3"), "frame 1 has not"),
        (file_of(HEAD_ONLY, "1 2 x"), "not a number"),
        (file_of(HEAD_ONLY, "1 2 nan"), "not a number"),
        (file_of(HEAD_ONLY, "1 2 1e300"), "not a number"),
        (file_of(HEAD_ONLY, "1 2 3", frame_time="0"), "Frame Time is 0"),
        (file_of(HEAD_ONLY, "1 2 3", frame_time="-1"), "Frame Time is -1"),
        (file_of(HEAD_ONLY, "1 2 3", frame_time="inf"), "Frame Time is 'inf'"),
        (file_of(HEAD_ONLY[:-1], "1 2 3"), "not complete"),
        (file_of(HEAD_ONLY + "}", "1 2 3"), "more } than {"),
        (file_of("{" + HEAD_ONLY, "1 2 3"), "where no joint is"),
        (file_of(HEAD_ONLY.replace("3 Y", "9 Y"), "1 2 3"), "CHANNELS 9"),
        (file_of(HEAD_ONLY.replace("Zrotation", "Wrotation"), "1 2 3"), "CHANNELS 3"),
        (file_of("CHANNELS 1 Xrotation\n" + HEAD_ONLY, "1 2 3"), "outside a joint"),
        (file_of("ROOT a {\n" * 300, "1"), "in a row"),
        (file_of("ROOT a {\n}\n" * 3000, "1"), "more than 2000 joints"),
        (file_of(HEAD_ONLY, "1 2 3").replace(b"Frames", b"Bilder"), "does not begin with Frames"),
    ],
)
def test_what_is_wrong_is_one_sentence(data: bytes, reason: str) -> None:
    """Never an exception of another kind."""
    with pytest.raises(BadAnimation, match=reason):
        bvh.decode(data)


def test_frames_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than MAX_KEYS are refused, and resampling never makes more."""
    monkeypatch.setattr(bvh, "MAX_KEYS", 4)

    with pytest.raises(BadAnimation, match="5 frames; up to 4 are read"):
        bvh.decode(file_of(HEAD_ONLY, *["1 2 3"] * 5))
    stretched = take([0.0, 0.001, 0.002, 9.0], [(0.0, 0.0, 0.0)] * 4)
    assert 4 == bvh.encode(stretched).count(b"\n0.000000 100.000000")
