"""Recorded people, made up here so that the answers are known; and scenes tracked once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bridge.bench import quality_motion as motions
from bridge.bench import quality_pictures as pictures
from bridge.bench import quality_tracked
from bridge.bench.quality_chains import bridge_chain, settings_of, through_nothing
from bridge.bench.quality_recorded_faces import blinks_of, closures_of, looped, measure_recordings, neutral_span, still_of
from bridge.bench.quality_recordings import Clip, load_clips, measure_people, rest_spans, suffix_of, through_all
from bridge.bench.quality_series import BLINKS, YAW, Series, series_of_results
from bridge.bench.quality_tracked import Laboratory, measure_pictures, tracked_clips
from bridge.errors import SourceUnavailable
from bridge.recording_npz import write_npz
from bridge.types import Face, ImageArray, TrackResult

SETTINGS = settings_of("balanced")


def _clip(take: motions.Take) -> Clip:
    results = tuple(take.results)
    return Clip(name=take.motion.name, raw_results=results, fed_results=results, raw=series_of_results(results))


def _write(path: Path, results: list[TrackResult]) -> None:
    with path.open("wb") as file:
        write_npz(file, results)


def test_a_preset_is_fed_with_the_recording_of_its_timestamp_scale() -> None:
    """1 full, 4 light, 1e5 off."""
    assert ["video", "dil4", "nosmooth"] == [suffix_of(scale) for scale in (1.0, 4.0, 1e5)]


def test_clips_are_pairs_of_recordings(tmp_path: Path) -> None:
    """What lacks its partner is named; a folder without any pair is refused."""
    take = motions.take(replace(motions.REST, seconds=1.0))
    for name in ("anna.nosmooth", "anna.dil4", "bert.nosmooth"):
        _write(tmp_path / f"{name}.npz", take.results)

    clips, missing = load_clips(tmp_path, timestamp_scale=4.0)

    assert ["anna"] == [clip.name for clip in clips]
    assert ["bert"] == missing
    with pytest.raises(SourceUnavailable, match="no recordings"):
        load_clips(tmp_path, timestamp_scale=1.0)


def test_rest_is_where_nothing_moves() -> None:
    """The turns of the head are left out, the pauses between them are found."""
    take = motions.take(motions.TURN, noise=0.3)

    spans = rest_spans(take.truth, "eyelids")

    moving = np.zeros(len(take.truth.t), dtype=np.bool_)
    for begin, _ in motions.TURN.events:
        moving |= (take.truth.t > begin + 0.1) & (take.truth.t < begin + 0.25)
    assert len(spans) >= 5
    assert not any(moving[span].any() for span in spans)


def test_blinks_winks_and_held_closures_are_told_apart() -> None:
    """Eight blinks are eight blinks, five winks of the right eye five winks, and a long closure is no false one."""
    blinks, no_winks = blinks_of(motions.take(motions.BLINK).raw)
    no_blinks, winks = blinks_of(motions.take(motions.WINK).raw)

    assert (8, 0) == (len(blinks), len(no_winks))
    assert 0 == len(no_blinks)
    assert [1] * 5 == [eye for _, _, eye in winks]
    held = motions.REST.truth(np.arange(240) / 30.0)
    held.weights[90:200, BLINKS] = 0.7
    (closure,) = closures_of(held)
    assert pytest.approx((3.0, 199 / 30)) == closure


def test_the_neutral_moment_is_still_and_at_ease() -> None:
    """Not in a smile, and not in a blink."""
    raw = motions.take(motions.SMILE, noise=0.3).raw

    span = neutral_span(raw)

    assert raw.channel("mouthSmileLeft")[span].max() < 0.2


def test_a_still_is_the_median_face() -> None:
    """With a little noise, and relaxed when asked."""
    face = motions.SMILE.truth(np.array([3.5, 3.55, 3.6]))

    held, relaxed = (series_of_results(still_of(face, 60, relaxed=how)) for how in (False, True))

    assert pytest.approx(0.9, abs=0.03) == float(np.median(held.channel("mouthSmileLeft")))
    assert pytest.approx(0.12, abs=0.03) == float(np.median(relaxed.channel("mouthSmileLeft")))
    assert pytest.approx(float(face.channel("eyeBlinkLeft")[0]), abs=0.01) == float(np.median(relaxed.channel("eyeBlinkLeft")))


def test_a_loop_plays_forth_and_back() -> None:
    """Without a jump, times and numbers increasing."""
    results = motions.take(replace(motions.NOD, seconds=3.5)).results[80:90]

    played = looped(results, 40)

    assert list(range(40)) == [result.seq for result in played]
    assert (np.diff([result.t for result in played]) > 0).all()
    pitch = series_of_results(played).pose[:, 0]
    assert np.abs(np.diff(pitch)).max() <= np.abs(np.diff(series_of_results(results).pose[:, 0])).max() + 1e-9


def test_people_are_measured_and_judged_only_when_asked() -> None:
    """A late chain's lag is found; clips of small faces have no limits."""

    def late(results: object) -> Series:
        series = through_nothing(results)  # type: ignore[arg-type]
        return replace(series, t=series.t + 0.03)

    clips = [_clip(motions.take(motions.TURN, noise=0.1)), _clip(motions.take(motions.BLINK, noise=0.1))]
    chains = {"raw": through_nothing, "bridge": late}

    rows = list(measure_people(clips, through_all(clips, chains), chains, part="clips", judged=False))

    assert all(row.passed is None and "clips" == row.goal.part for row in rows)
    lags = {row.goal.name: row.values["bridge"] for row in rows if row.goal.name.endswith("lag")}
    assert pytest.approx(30.0, abs=2.0) == lags["clips: rotation: lag"]
    assert pytest.approx(30.0, abs=2.0) == lags["clips: eyelids: lag"]


def test_recorded_blinks_are_calibrated_on_the_persons_own_neutral() -> None:
    """Every row is there, the calibration is accepted, open eyes go down."""
    clips = [_clip(motions.take(motions.BLINK, noise=0.5)), _clip(motions.take(motions.WINK, noise=0.5))]
    chains = {"raw": through_nothing, "bridge": bridge_chain(SETTINGS)}

    values = {row.goal.name: row.values for row in measure_recordings(clips, chains, SETTINGS)}

    assert 2.0 == values["recordings: calibrations accepted"]["bridge"]
    opened = values["recordings: calibrated blinks: open value"]
    assert opened["bridge"] < 0.05 < opened["raw"]
    assert values["recordings: calibrated winks: closing eye"]["raw"] > 0.5
    assert "recordings: neutral residual: mean" in values


# --- tracked scenes ------------------------------------------------------------------------------------------------------


def _laboratory(model: Path, folder: Path, said: list[str]) -> Laboratory:
    return Laboratory(model=model, cache=folder / "cache", scale=4.0, say=said.append)


def test_a_scene_is_tracked_once_at_each_scale(model_path: Path, tmp_path: Path) -> None:
    """The second time it comes from the cache, the same; the filtered one is calmer."""
    said: list[str] = []
    laboratory = _laboratory(model_path, tmp_path, said)
    scene = pictures.still(pictures.drawn_portrait(), pictures.LIGHTS["typ"], seconds=1.0)

    raw, fed = laboratory.track("face", scene)
    again, _ = laboratory.track("face", scene)

    assert 2 == len(said)
    assert [r.t for r in raw] == [r.t for r in again]
    wander = [float(np.std(np.diff(series_of_results(results).pose[10:, YAW]))) for results in (raw, fed)]
    assert wander[1] < 0.7 * wander[0]


def test_videos_become_clips_of_their_longest_sighting(model_path: Path, clips: Path, tmp_path: Path) -> None:
    """Every moment of a clip has a face."""
    folder = tmp_path / "videos"
    folder.mkdir()
    (folder / "yes.mkv").symlink_to(clips / "sign-yes.mkv")

    (clip,) = tracked_clips(folder, _laboratory(model_path, tmp_path, []))

    assert len(clip.raw_results) == len(clip.fed_results) >= 30
    assert clip.raw.live.all()


class _DrawnTracker:
    """Stands in for the model where only the wiring is of interest: there is a face in what is not of one colour."""

    def __init__(self, take: motions.Take) -> None:
        self._take = take

    def __call__(self, images: Iterator[ImageArray], _model: Path, *, scale: float, fps: float) -> list[TrackResult]:
        """A face in every picture that is not plain."""
        faces: list[Face] = [result.faces[0] for result in self._take.results]
        del scale
        return [
            TrackResult(seq=k, t=k / fps, t_done=k / fps, faces=(faces[k % len(faces)],) if np.ptp(image[::16, ::16]) > 0 else ())
            for k, image in enumerate(images)
        ]


def test_every_scene_has_its_rows(model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stills in three kinds of light, motions, blinks, gaps, the hand: all rows, each with a value of every chain."""
    monkeypatch.setattr(quality_tracked, "track_pictures", _DrawnTracker(motions.take(motions.REST)))
    monkeypatch.setattr(pictures.NoisyCamera, "shoot", lambda _camera, image: image)
    monkeypatch.setattr(pictures.NoisyCamera, "__init__", lambda *_args, **_more: None)
    for name in ("ROLL", "LEAN", "DRIFT"):
        monkeypatch.setattr(
            pictures, name, replace(getattr(pictures, name), seconds=4.0, events=getattr(pictures, name).events[:1])
        )
    chains = {"raw": through_nothing, "bridge": bridge_chain(SETTINGS)}

    rows = list(measure_pictures([pictures.drawn_portrait()], _laboratory(model_path, tmp_path, []), chains, SETTINGS))

    names = " ".join(row.goal.name for row in rows)
    assert all(word in names for word in ("good", "typ", "dim", "roll", "lean", "drift", "blink", "gap of 1", "gap of 5", "hand"))
    assert all({"raw", "bridge"} == set(row.values) for row in rows)
