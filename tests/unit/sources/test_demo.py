"""The demo as a source: pace, rounds and boxes."""

from __future__ import annotations

import threading

import pytest

from bridge.errors import SourceEnded, SourceLost
from bridge.sources.demo import DemoSource, performance_at
from bridge.sources.performance import shipped_performance
from bridge.types import TrackResult


class FakeTime:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.now = 50.0

    def clock(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return False


def open_demo(fake: FakeTime, *, fps: float = 30.0, loop: bool = True) -> DemoSource:
    demo = DemoSource(fps=fps, loop=loop, clock=fake.clock, wait=fake.wait)
    demo.open()
    return demo


def weights_of(result: TrackResult) -> bytes:
    return result.faces[0].weights.tobytes()


def test_result_k_is_due_k_periods_after_the_first() -> None:
    """Dated without jitter, numbered from 0, done when it is handed over."""
    fake = FakeTime()
    demo = open_demo(fake, fps=25.0)
    fake.now = 60.0

    results = [demo.read() for _ in range(50)]

    assert [60.0 + k / 25 for k in range(50)] == pytest.approx([result.t for result in results])
    assert list(range(50)) == [result.seq for result in results]
    assert all(0.0 <= result.t_done - result.t < 0.001 for result in results)


@pytest.mark.parametrize("fps", [12.5, 30.0, 60.0])
def test_any_rate_shows_the_same_performance(fps: float) -> None:
    """A moment is a moment: result k is the performance at k / fps."""
    demo = open_demo(FakeTime(), fps=fps)

    results = [demo.read() for _ in range(40)]

    assert [performance_at(k / fps)[0].tobytes() for k in range(40)] == [weights_of(result) for result in results]


def test_it_begins_again_without_end() -> None:
    """Times and numbers go on; the performance repeats."""
    demo = open_demo(FakeTime(), fps=2.0)
    rounds = round(2 * shipped_performance().duration_s)

    results = [demo.read() for _ in range(rounds + 3)]

    assert [weights_of(result) for result in results[:3]] == [weights_of(result) for result in results[rounds:]]
    assert rounds + 2 == results[-1].seq


def test_without_loop_it_ends_after_one_round() -> None:
    """Exactly the results of its duration."""
    demo = open_demo(FakeTime(), fps=4.0, loop=False)
    count = 0
    with pytest.raises(SourceEnded, match="has ended"):  # noqa: PT012 - the end is what is waited for
        while True:
            demo.read()
            count += 1

    assert round(4 * shipped_performance().duration_s) == count


def test_a_slow_consumer_makes_the_performance_wait() -> None:
    """No moment is skipped: the face never jumps."""
    fake = FakeTime()
    demo = open_demo(fake)
    demo.read()
    fake.now += 5.0

    result = demo.read()

    assert performance_at(1 / 30)[0].tobytes() == weights_of(result)
    assert 55.0 == pytest.approx(result.t)


def test_opening_again_begins_the_performance_again() -> None:
    """After a pause; numbers go on."""
    demo = open_demo(FakeTime())
    first = demo.read()
    demo.read()
    demo.close()
    demo.open()

    again = demo.read()

    assert (weights_of(first), 2) == (weights_of(again), again.seq)


def test_the_box_follows_the_head_within_the_picture() -> None:
    """640x480: always inside, about 110 by 130 pixels, further right when the head is at the performer's own left."""
    demo = open_demo(FakeTime(), fps=10.0)
    faces = [demo.read().faces[0] for _ in range(270)]
    boxes = [face.box for face in faces if face.box is not None]
    heads = [face.head.position_m.tolist() for face in faces if face.head is not None]
    places = [x / -z for x, _, z in heads]
    centres = [x + width / 2 for x, _, width, _ in boxes]

    assert 270 == len(boxes)
    assert all(0 < x and 0 < y and x + width < 640 and y + height < 480 for x, y, width, height in boxes)
    assert all(95 < width < 130 and 1.15 < height / width < 1.25 for _, _, width, height in boxes)
    assert places.index(max(places)) == centres.index(max(centres))


def test_it_must_be_open_to_be_read() -> None:
    """As every source."""
    with pytest.raises(SourceLost, match="not open"):
        DemoSource().read()


def test_cancel_ends_a_wait() -> None:
    """From another thread, and every later read too."""
    demo = DemoSource(fps=0.001)
    demo.open()
    demo.read()
    ended = threading.Event()

    def wait_for_the_next() -> None:
        try:
            demo.read()
        except SourceEnded:
            ended.set()

    thread = threading.Thread(target=wait_for_the_next, name="bridge-test-read")
    thread.start()
    demo.cancel()
    thread.join(10.0)

    assert ended.is_set()
    with pytest.raises(SourceEnded):
        demo.read()
    demo.close()


def test_it_says_what_it_is() -> None:
    """Results, not frames; no device; the pace that was asked for against the one that came."""
    demo = open_demo(FakeTime(), fps=60.0)
    for _ in range(120):
        demo.read()
    report = demo.report()

    assert ("demo", False, True, None) == (demo.label, demo.live, demo.delivers_results, demo.notice)
    assert ("60 fps", "60 fps", None) == (report.requested, report.delivered, report.warning)
    assert 60.0 == pytest.approx(report.fps_measured)
