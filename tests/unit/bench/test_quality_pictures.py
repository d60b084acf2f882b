"""Scenes for the real model: geometry, noise, gaps, the hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bridge.bench import quality_pictures as pictures
from bridge.types import ImageArray


def _grey() -> ImageArray:
    return np.full((pictures.HEIGHT, pictures.WIDTH, 3), 128, dtype=np.uint8)


def test_a_portrait_fills_a_webcams_frame() -> None:
    """480 x 640 RGB, the face in the middle, skin where the nose is."""
    image = pictures.drawn_portrait().image

    assert (480, 640, 3) == image.shape
    red, green, blue = image[240, 320].tolist()
    assert red > green > blue


def test_closed_eyes_look_different() -> None:
    """Only around the eyes."""
    changed = (
        np.abs(pictures.drawn_portrait().image.astype(int) - pictures.drawn_portrait(eyes_closed=1.0).image).max(axis=2) > 30
    )
    rows = np.flatnonzero(changed.any(axis=1))

    assert changed.any()
    assert 180 < rows.min() < rows.max() < 260


@pytest.mark.parametrize("level", ["good", "typ", "dim"])
def test_the_camera_adds_the_noise_of_its_light(level: str) -> None:
    """Luma noise of about sigma from frame to frame (JPEG takes a part of it away), about the same mean, the same every time."""
    light = replace(pictures.LIGHTS[level], flicker=0.0)
    camera = pictures.NoisyCamera(light)

    one, two = (camera.shoot(_grey()).astype(float) @ [0.299, 0.587, 0.114] for _ in range(2))

    assert 0.5 * light.sigma < float(np.std(one - two)) / np.sqrt(2) < 1.3 * light.sigma
    assert pytest.approx(128.0, abs=1.5) == float(one.mean())
    np.testing.assert_array_equal(pictures.NoisyCamera(light).shoot(_grey()), pictures.NoisyCamera(light).shoot(_grey()))


def test_a_flicker_changes_the_brightness() -> None:
    """Of the whole picture, from frame to frame."""
    camera = pictures.NoisyCamera(pictures.Light(sigma=0.1, jpeg=95, flicker=0.05))

    means = [float(camera.shoot(_grey()).mean()) for _ in range(6)]

    assert 2.0 < float(np.std(means)) < 14.0


def test_moves_begin_when_they_say() -> None:
    """At rest before, at the full extent on the plateau, back at the end."""
    begin, end = pictures.ROLL.events[0]

    before, plateau, after = pictures.ROLL.amount(np.array([begin - 0.01, end, begin + 2.0])).tolist()

    assert pytest.approx([0.0, 1.0, 0.0], abs=1e-9) == [before, plateau, after]
    t = np.arange(3.0, 10.0, 0.01)
    speed = np.abs(np.gradient(pictures.DRIFT.amount(t) * pictures.DRIFT.roll_deg, t))
    assert pytest.approx(4.0, abs=0.01) == float(np.median(speed))


def _frames(scene: pictures.Scene, *numbers: int) -> list[ImageArray]:
    every = list(scene())
    return [every[number] for number in numbers]


def test_a_gap_is_an_empty_picture_and_nothing_else_changes() -> None:
    """The frames around it are those of the scene without a gap, noise included."""
    who, light = pictures.drawn_portrait(), pictures.LIGHTS["good"]
    gap = pictures.GAP_FRAME
    seconds = (gap + 4) / pictures.FPS

    whole = _frames(pictures.interrupted(who, light, frames=0, seconds=seconds), gap - 1, gap, gap + 1)
    broken = _frames(pictures.interrupted(who, light, frames=1, seconds=seconds), gap - 1, gap, gap + 1)

    np.testing.assert_array_equal(whole[0], broken[0])
    np.testing.assert_array_equal(whole[2], broken[2])
    assert 0 == int(np.ptp(broken[1][..., 0]))


def test_the_hand_covers_the_face_and_leaves() -> None:
    """Nothing of the mouth is seen in the middle of its time; before and after the face is free."""
    who = pictures.drawn_portrait()
    first, last = pictures.HAND
    calm = pictures.Light(sigma=0.01, jpeg=100, flicker=0.0)

    free, covered, again = _frames(
        pictures.occluded(who, calm, seconds=(last + 4) / 30), first - 1, (first + last) // 2, last + 1
    )

    face = (slice(180, 300), slice(270, 370))
    assert np.abs(free[face].astype(int) - who.image[face]).mean() < 3
    assert np.abs(covered[face].astype(int) - who.image[face]).mean() > 20
    assert np.abs(again[face].astype(int) - who.image[face]).mean() < 3


def test_a_turned_picture_turns_the_right_way() -> None:
    """Counter-clockwise is +: what is above the middle goes left."""
    image = np.zeros((pictures.HEIGHT, pictures.WIDTH, 3), dtype=np.uint8)
    image[140:150, 315:325] = 255
    move = replace(pictures.ROLL, seconds=0.1, amount=np.ones_like)

    turned = next(pictures.moved(pictures.Portrait(name="dot", image=image), move, pictures.LIGHTS["good"])())

    assert int(np.argmax(turned.sum(axis=2).sum(axis=0))) < 300
