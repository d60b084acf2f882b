"""The VTube Studio sheet's examples (section C), and pyvts as the second author of the requests."""

from __future__ import annotations

import json

import pytest
from pyvts.vts_request import VTSRequest

from bridge import arkit
from bridge.mapping.vts import brow_y, brows, eye_open, eye_x, mouth_open, mouth_smile, mouth_x
from bridge.wire import vts

ENVELOPE = {"apiName": "VTubeStudioPublicAPI", "apiVersion": "1.0", "requestID": "SomeID"}


def _weights(**values: float) -> list[float]:
    return [values.get(name, 0.0) for name in arkit.NAMES]


def test_token_request() -> None:
    """C.1."""
    written = vts.authentication_token_request("SomeID", plugin="My Cool Plugin", developer="My Name")
    data = {"pluginName": "My Cool Plugin", "pluginDeveloper": "My Name"}

    assert {**ENVELOPE, "messageType": "AuthenticationTokenRequest", "data": data} == json.loads(written)
    assert VTSRequest(developer="My Name", plugin_name="My Cool Plugin").authentication_token() == json.loads(written)


def test_parameter_creation() -> None:
    """C.2."""
    explanation = "This is my new parameter."
    written = vts.parameter_creation_request(
        "SomeID", name="MyNewParamName", explanation=explanation, low=-50, high=50, default=10
    )
    data = {"parameterName": "MyNewParamName", "explanation": explanation, "min": -50, "max": 50, "defaultValue": 10}

    assert {**ENVELOPE, "messageType": "ParameterCreationRequest", "data": data} == json.loads(written)
    assert VTSRequest().requestCustomParameter("MyNewParamName", -50, 50, 10, explanation) == json.loads(written)


def test_injection() -> None:
    """C.3."""
    written = vts.InjectTemplate(("FaceAngleX", "MouthOpen")).fill("SomeID", (12.5, 0.25), face_found=False)
    values = [{"id": "FaceAngleX", "weight": 1, "value": 12.5}, {"id": "MouthOpen", "weight": 1, "value": 0.25}]
    data = {"faceFound": False, "mode": "set", "parameterValues": values}

    assert {**ENVELOPE, "messageType": "InjectParameterDataRequest", "data": data} == json.loads(written)
    assert VTSRequest().requestSetMultiParameterValue(["FaceAngleX", "MouthOpen"], [12.5, 0.25]) == json.loads(written)


def test_the_other_requests_are_pyvts_too() -> None:
    """Authentication, and the list of parameters, which needs no data."""
    other = VTSRequest(developer="My Name", plugin_name="My Cool Plugin")
    written = vts.authentication_request("SomeID", plugin="My Cool Plugin", developer="My Name", token="abc")
    listed = {key: value for key, value in other.requestTrackingParameterList().items() if value is not None}

    assert other.authentication("abc") == json.loads(written)
    assert listed == json.loads(vts.input_parameter_list_request("SomeID"))


def test_recipes() -> None:
    """C.4."""
    mouth = _weights(jawOpen=0.5, mouthClose=0.1, mouthRollUpper=0.1, mouthRollLower=0.1, mouthFunnel=0.2)
    smile = _weights(mouthSmileLeft=0.8, mouthSmileRight=0.6, mouthPucker=0.2, mouthDimpleLeft=0.2, mouthDimpleRight=0.2)

    assert pytest.approx(0.40) == mouth_open(mouth)
    assert pytest.approx(0.85) == mouth_smile(smile)
    assert pytest.approx(0.10) == eye_open(_weights(eyeBlinkLeft=0.5), "Left", "vbridger")


def test_the_remaining_recipes() -> None:
    """A.8, by hand: (.3 - .1 + .4 - .2)·(1 - .5); .5 + (.4 - .2)/4; .5 + .4 - .2 + (.3 - .1)/8; (.5 - .1) - .2."""
    assert pytest.approx(0.2) == mouth_x(
        _weights(mouthLeft=0.3, mouthRight=0.1, mouthSmileLeft=0.4, mouthSmileRight=0.2, tongueOut=0.5)
    )
    assert pytest.approx(0.55) == brows(_weights(browOuterUpLeft=0.4, browDownRight=0.2))
    assert pytest.approx(0.725) == brow_y(_weights(browOuterUpLeft=0.4, browDownLeft=0.2, mouthRight=0.3, mouthLeft=0.1), "Left")
    assert pytest.approx(0.2) == eye_x(_weights(eyeLookInLeft=0.5, eyeLookOutLeft=0.2), "Left", "vbridger")


def test_discovery() -> None:
    """C.5."""
    sample = (
        '{"apiName":"VTubeStudioPublicAPI","apiVersion":"1.0","timestamp":1630159656406,"messageType":'
        '"VTubeStudioAPIStateBroadcast","requestID":"VTubeStudioAPIStateBroadcast","data":{"active":false,"port":8001,'
        '"instanceID":"93aa0d0494304fddb057ae8a295c4e59","windowTitle":"VTube Studio"}}'
    )

    assert vts.Broadcast(active=False, port=8001, window_title="VTube Studio") == vts.parse_broadcast(sample.encode())
