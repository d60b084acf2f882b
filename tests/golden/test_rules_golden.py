"""Published formulas written as rules, and the figures that the fact sheets give for them."""

from __future__ import annotations

import tomllib
from collections.abc import Callable

import pytest

from bridge.mapping.rules import RuleSet
from bridge.settings import Settings
from bridge.types import FaceState

MakeState = Callable[..., FaceState]

# VTube Studio sheet, A.8: the recipes of the "rusty bridge" preset that VBridger reads.
RUSTY_BRIDGE = """
[rules.MouthOpen]
sources = [
  "jawOpen", { name = "mouthClose", scale = -1 },
  { name = "mouthRollUpper", scale = -0.2 }, { name = "mouthRollLower", scale = -0.2 }, { name = "mouthFunnel", scale = 0.2 },
]

[rules.MouthSmile]
sources = [
  2, { name = "mouthFrownLeft", scale = -1 }, { name = "mouthFrownRight", scale = -1 }, { name = "mouthPucker", scale = -1 },
  "mouthSmileLeft", "mouthSmileRight", { name = "mouthDimpleLeft", scale = 0.5 }, { name = "mouthDimpleRight", scale = 0.5 },
]
scale = 0.25

[rules.EyeOpenLeft]
sources = ["eyeWideLeft", "eyeBlinkLeft"]
combine = "diff"
scale = 0.8
offset = 0.5

[rules.EyeRightX]
sources = ["eyeLookInLeft", "eyeLookOutLeft"]
combine = "diff"
offset = -0.1

[rules.EyeRightY]
sources = [
  "eyeLookUpLeft", { name = "eyeLookDownLeft", scale = -1 }, { name = "browOuterUpLeft", scale = 0.15 },
  { name = "headYaw", scale = 0.03333333333333333 },
]

[rules.Brows]
sources = ["browOuterUpRight", "browOuterUpLeft", { name = "browDownLeft", scale = -1 }, { name = "browDownRight", scale = -1 }]
scale = 0.25
offset = 0.5
"""

# VRM sheet, section 3: m(v) = clamp((v - 0.15) / 0.45) of VMagicMirror's lip sync.
LIP_SYNC = """
[rules.A]
sources = [{ name = "jawOpen", scale = 2 }]
curve = [[0.15, 0], [0.6, 1]]

[rules.I]
sources = [{ name = "mouthSmileLeft", scale = 0.6 }, { name = "mouthSmileRight", scale = 0.6 }, -0.1]
curve = [[0.15, 0], [0.6, 1]]

[rules.U]
sources = ["mouthPucker", "mouthFunnel", "jawForward"]
scale = 0.4
curve = [[0.15, 0], [0.6, 1]]
"""


def _made(text: str, state: FaceState) -> dict[str, float]:
    rules = Settings.model_validate(tomllib.loads(text)).rules
    assert isinstance(rules, dict)
    return dict(RuleSet(rules).apply(state).extras)


def test_the_rusty_bridge_recipes_give_the_sheets_figures(make_state: MakeState) -> None:
    """VTube Studio sheet, C.4: MouthOpen 0.40, MouthSmile 0.85, EyeOpen 0.10; EyeRightX, EyeRightY and Brows by hand."""
    state = make_state(
        weights={
            "jawOpen": 0.5, "mouthClose": 0.1, "mouthRollUpper": 0.1, "mouthRollLower": 0.1, "mouthFunnel": 0.2,
            "mouthSmileLeft": 0.8, "mouthSmileRight": 0.6, "mouthPucker": 0.2, "mouthDimpleLeft": 0.2, "mouthDimpleRight": 0.2,
            "eyeBlinkLeft": 0.5, "eyeLookInLeft": 0.4, "eyeLookUpLeft": 0.3, "browOuterUpLeft": 0.2, "browDownRight": 0.1,
        },
        yaw=15,
    )  # fmt: skip
    expected = {
        "MouthOpen": 0.40, "MouthSmile": 0.85, "EyeOpenLeft": 0.10, "EyeRightX": 0.30, "EyeRightY": 0.83, "Brows": 0.525,
    }  # fmt: skip

    assert {name: pytest.approx(value, abs=1e-6) for name, value in expected.items()} == _made(RUSTY_BRIDGE, state)


def test_vmagicmirrors_lip_sync_gives_the_sheets_figures_before_they_share(make_state: MakeState) -> None:
    """VRM sheet, golden 4: m = 1, 0.7778, 0.3778. Sharing a sum above 1 would read results, which rules never do."""
    state = make_state(
        weights={"jawOpen": 0.5, "mouthSmileLeft": 0.5, "mouthSmileRight": 0.5, "mouthPucker": 0.6, "mouthFunnel": 0.2}
    )
    expected = {"A": 1.0, "I": 0.7778, "U": 0.3778}

    assert {name: pytest.approx(value, abs=5e-5) for name, value in expected.items()} == _made(LIP_SYNC, state)
