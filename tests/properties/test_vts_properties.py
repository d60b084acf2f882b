"""What holds for every face that is mapped for VTube Studio, and for every text that it, or anybody, may send."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.mapping.vts import DEFAULTS, LARGEST_VALUE, VtsFrame, VtsMapping
from bridge.types import FaceState
from bridge.wire import vts
from bridge.wire.vts_errors import API_FAULTS
from bridge.wire.vts_requests import ANSWERS, MAX_OUTSTANDING
from bridge.wire.vts_session import Phase, VtsSession

PACKETS = 10_000
_BATCH = 100
_NAMES = ("FaceAngleX", "MouthOpen", "JawOpen", "HappyFace")
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=100)
@given(st.integers(0, 2**32), st.sampled_from(["standard", "vbridger"]), st.sampled_from(["default", "arkit", "both"]))
def test_every_face_gives_finite_values_within_their_ranges(
    make_state: Callable[..., FaceState], seed: int, recipes: Any, parameters: Any
) -> None:
    """Whatever the 52 are; angles and positions are not clamped, but bounded."""
    frame = VtsMapping(recipes=recipes, parameters=parameters).step(make_state(seed=seed))
    ranges = {parameter.name: (parameter.low, parameter.high) for parameter in DEFAULTS}

    for name, value in zip(frame.names, frame.values, strict=True):
        low, high = (-1000.0, 1000.0) if name.startswith("Face") and name != "FaceAngry" else ranges.get(name, (0.0, 1.0))
        assert low <= value <= high, name


@given(st.lists(st.floats(-LARGEST_VALUE, LARGEST_VALUE), min_size=1, max_size=5), st.booleans())
def test_a_written_frame_reads_back(values: list[float], found: bool) -> None:
    """As JSON, to six digits, whatever the size."""
    names = tuple(f"Name{i}" for i in range(len(values)))
    data = json.loads(vts.InjectTemplate(names).fill("id", values, face_found=found))["data"]

    assert found is data["faceFound"]
    for value, entry in zip(values, data["parameterValues"], strict=True):
        assert abs(value - entry["value"]) <= 1e-5 * abs(value)


class _Fuzz:
    """A session that gets anything at all, at any time, and never breaks its word."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now = 0.0
        self.session = VtsSession(plugin="fuzz", developer="fuzz", names=_NAMES)
        self.open: list[tuple[str, str]] = []
        """Number and type of what was requested."""
        self.phases: set[Phase] = set()

    def sent(self, texts: list[str]) -> None:
        for text in texts:
            request = json.loads(text)
            assert request["apiName"] == vts.API_NAME
            self.open.append((request["requestID"], request["messageType"]))
        self.open = self.open[-50:]
        self.phases.add(self.session.phase)
        assert self.session.outstanding <= MAX_OUTSTANDING
        assert len(self.session.note) < 2000

    def right_answer(self) -> dict[str, Any]:
        """What VTube Studio would say to one of the newest requests."""
        number, kind = self.random.choice(self.open[-6:]) if self.open else ("1", "APIStateRequest")
        data: dict[str, Any] = {
            "active": self.random.random() < 0.9,
            "authenticated": self.random.random() < 0.9,
            "authenticationToken": "token",
            "defaultParameters": [{"name": "FaceAngleX"}, {"name": "MouthOpen"}],
            "customParameters": [{"name": "JawOpen", "addedBy": "fuzz"}],
        }
        if self.random.random() < 0.1:
            number_of_error = self.random.choice([*API_FAULTS, -5, 10**9])
            message = self.random.choice(["", "MouthOpen", " ".join(_NAMES)])
            return {"messageType": "APIError", "requestID": number, "data": {"errorID": number_of_error, "message": message}}
        return {"messageType": kind.replace("Request", "Response"), "requestID": number, "data": data}

    def step(self, text: str | bytes) -> None:
        """One message among all that happens beside."""
        session, dice = self.session, self.random.random()
        if session.hang_up or session.phase in (Phase.CLOSED, Phase.REJECTED):
            session.closed()
            if session.phase is Phase.REJECTED:
                self.session = session = VtsSession(plugin="fuzz", developer="fuzz", names=_NAMES)
            self.sent(session.connected(self.now))
        if dice < 0.3:
            names = _NAMES if dice < 0.25 else (*_NAMES, f"Rule{self.random.randrange(300):03}")
            self.sent(session.offer(VtsFrame(names=names, values=(0.5,) * len(names), face_found=True), self.now))
        elif dice < 0.6:
            self.now += self.random.choice([0.01, 0.1, 1.0])
            self.sent(session.tick(self.now))
        self.sent(session.received(text, self.now))


def _mutated(text: str, rng: random.Random) -> str | bytes:
    data = bytearray(text.encode())
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(data)) if data else 0
        match rng.randrange(4):
            case 0:
                data[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                del data[at : at + rng.randrange(1, 20)]
            case 2:
                data[at:at] = rng.choice([b'"', b"{", b"[", b"1e999", b"NaN", b"null", b"\xff", b"-1", b"true"])
            case _:
                data = data[:at]
    return bytes(data)


def _replaced(message: dict[str, Any], value: Any, rng: random.Random) -> str:
    """Another value somewhere in a message."""
    place = message["data"] if rng.random() < 0.6 else message
    place[rng.choice(sorted(place))] = value
    return json.dumps(message)


def test_no_message_breaks_the_session() -> None:
    """10,000 right, mutated, recombined and random ones, in every phase: nothing raises, nothing piles up."""
    count = 0
    phases: set[Phase] = set()

    @settings(max_examples=PACKETS // _BATCH, database=None)
    @given(st.integers(0, 2**32), st.lists(_JSON, min_size=4, max_size=4), st.binary(max_size=60))
    def run(seed: int, values: list[Any], noise: bytes) -> None:
        nonlocal count
        fuzz = _Fuzz(seed)
        rng = fuzz.random
        for _ in range(_BATCH):
            message = fuzz.right_answer()
            dice = rng.random()
            if dice < 0.6:
                text: str | bytes = json.dumps(message)
            elif dice < 0.75:
                text = _mutated(json.dumps(message), rng)
            elif dice < 0.9:
                text = _replaced(message, rng.choice(values), rng)
            elif dice < 0.95:
                text = json.dumps(message | {"messageType": rng.choice([*ANSWERS.values(), "APIError", ""])})
            else:
                text = noise
            fuzz.step(text)
            count += 1
        phases.update(fuzz.phases)

    run()

    assert count >= PACKETS
    assert phases == set(Phase) - {Phase.CLOSED}


def test_no_datagram_breaks_the_discovery() -> None:
    """10,000: a broadcast or None, and whatever is a broadcast has a port."""
    count = 0
    sample = json.dumps({
        "messageType": "VTubeStudioAPIStateBroadcast", "data": {"active": True, "port": 8001, "windowTitle": "VTube Studio"},
    })  # fmt: skip

    @settings(max_examples=PACKETS // _BATCH, database=None)
    @given(st.integers(0, 2**32), _JSON, st.binary(max_size=60))
    def run(seed: int, value: Any, noise: bytes) -> None:
        nonlocal count
        rng = random.Random(seed)
        for _ in range(_BATCH):
            data = rng.choice([noise, _mutated(sample, rng), _replaced(json.loads(sample), value, rng)])
            heard = vts.parse_broadcast(data.encode() if isinstance(data, str) else data)
            assert heard is None or 1 <= heard.port <= 65535
            count += 1

    run()

    assert count >= PACKETS
