"""The conversation with VTube Studio as it should go, and what single parameters do to it."""

from __future__ import annotations

import itertools
import json

import pytest

from bridge.mapping.vts import VtsFrame
from bridge.wire.vts_requests import MAX_OUTSTANDING, Kind
from bridge.wire.vts_session import Phase, Timing
from tests.e2e.vtube_studio_api import VTubeStudioApi
from tests.unit.wire.vts_talk import FRAME, NAMES, STEP_S, Talk

# --- the way to frames ---------------------------------------------------------------------------------------------------------


def test_the_first_time() -> None:
    """State, question, authentication, list, what is missing, frames: in this order, nothing twice."""
    talk = Talk(names=NAMES).connect().offer()
    steps = ["APIStateRequest", "AuthenticationTokenRequest", "AuthenticationRequest", "InputParameterListRequest"]

    assert [*steps, "ParameterCreationRequest", "ParameterCreationRequest", "InjectParameterDataRequest"] == talk.types
    assert dict(zip(NAMES, FRAME.values, strict=True)) == talk.values
    assert ([], Phase.INJECTING, "") == (talk.api.errors, talk.session.phase, talk.session.note)
    assert talk.session.token in talk.api.tokens


def test_the_next_time_nobody_is_asked_and_nothing_created() -> None:
    """With the token, on another connection."""
    first = Talk(names=NAMES).connect().offer()
    second = Talk(first.api, names=NAMES, token=first.session.token).connect().offer()

    assert ["APIStateRequest", "AuthenticationRequest", "InputParameterListRequest", "InjectParameterDataRequest"] == second.types


def test_waiting_for_the_user_is_a_state_without_an_end() -> None:
    """An hour later it is still no failure; then the user allows, and the newest frame goes out."""
    talk = Talk(VTubeStudioApi(), names=NAMES).connect().offer().wait(3600)
    assert (Phase.ASKING, "") == (talk.session.phase, talk.session.hang_up)
    assert 'waits for you to allow "test plugin" in VTube Studio' == talk.session.note

    talk.api.decide(allow=True)
    talk.say([])

    assert (Phase.INJECTING, 1) == (talk.session.phase, talk.session.accepted)


def test_denied_is_final_until_tried_again() -> None:
    """Nothing more is sent, the sentence says what to do; a new session asks again."""
    talk = Talk(VTubeStudioApi(permission="deny"), names=NAMES).connect()
    sent = len(talk.sent)
    talk.offer().wait(10)

    assert (Phase.REJECTED, sent) == (talk.session.phase, len(talk.sent))
    assert "retry this output and choose Allow" in talk.session.note
    talk.session.closed()
    assert Phase.REJECTED is talk.session.phase


def test_an_earlier_question_is_waited_for() -> None:
    """Error 51: the pop-up of a connection that is gone may still be open."""
    api = VTubeStudioApi()
    Talk(api).connect()
    talk = Talk(api, names=NAMES).connect().wait(5)
    assert (Phase.ASKING, True) == (talk.session.phase, "still open" in talk.session.note)

    api.question, api.permission = None, "allow"
    talk.offer().wait(3)

    assert Phase.INJECTING is talk.session.phase


def test_the_api_switched_off_is_waited_for() -> None:
    """Before and while frames are set."""
    talk = Talk(VTubeStudioApi(permission="allow", active=False), names=NAMES).connect().offer().wait(10)
    assert (Phase.API_OFF, True) == (talk.session.phase, "Allow Plugin API access" in talk.session.note)

    phases = []
    for on in (True, False, True):
        talk.api.switch(on=on)
        phases.append(talk.offer().wait(3).session.phase)
    assert [Phase.INJECTING, Phase.API_OFF, Phase.INJECTING] == phases


def test_a_revoked_token_is_asked_for_again() -> None:
    """In the middle of a performance, and at the start of the next; the parameters, which went with it, are made again."""
    talk = Talk(names=NAMES).connect().offer()
    before = talk.session.token
    talk.api.permission = "ask"
    talk.api.revoke()
    talk.offer()
    assert (Phase.ASKING, None) == (talk.session.phase, talk.session.token)

    talk.api.decide(allow=True)
    talk.say([])
    assert (Phase.INJECTING, True) == (talk.session.phase, talk.session.token not in {None, before})
    assert dict(zip(NAMES, FRAME.values, strict=True)) == talk.values

    later = Talk(VTubeStudioApi(), names=NAMES, token=before).connect()
    assert (Phase.ASKING, None) == (later.session.phase, later.session.token)


def test_a_picture_that_is_refused_is_left_out() -> None:
    """The user is asked all the same."""
    talk = Talk(names=NAMES, icon="bm8gcGljdHVyZQ==").connect().offer()

    assert [54] == [number for number, _ in talk.api.errors]
    assert Phase.INJECTING is talk.session.phase


# --- frames ------------------------------------------------------------------------------------------------------------------


def test_every_frame_is_set_and_then_held() -> None:
    """At the rate in which frames come; without any, and with the face lost, often enough that nothing is released."""
    talk = Talk(names=NAMES).connect()
    for i in range(10):
        talk.offer(VtsFrame(names=NAMES, values=(float(i), 0.0, 0.0, 0.0), face_found=True)).now += 0.01
    assert [float(i) for i in range(10)] == [frame.values["FaceAngleX"] for frame in talk.api.frames]

    talk.offer(VtsFrame(names=NAMES, values=(0.0,) * 4, face_found=False)).wait(10)
    held = talk.api.frames[10:]

    assert max(b.t - a.t for a, b in itertools.pairwise(held)) < 0.6
    assert {False} == {frame.face_found for frame in held}


def test_a_slow_vtube_studio_gets_the_newest() -> None:
    """A handful of requests is on the way, never more; when it comes back, the last frame is there."""
    talk = Talk(names=NAMES).connect().offer()
    talk.deaf = True
    for i in range(100):
        talk.offer(VtsFrame(names=NAMES, values=(float(i), 0.0, 0.0, 0.0), face_found=True))
    assert 4 == talk.session.outstanding

    talk.deaf = False
    for request in talk.sent[-4:]:
        talk.api.handle(talk._peer, json.dumps(request), talk._answers.append)
    talk.say([])

    assert [0.0, 1.0, 2.0, 3.0, 99.0] == [frame.values["FaceAngleX"] for frame in talk.api.frames[1:]]
    assert talk.most_outstanding <= MAX_OUTSTANDING


def test_silence_ends_the_connection() -> None:
    """Of the handshake, and of frames; the sentence says so."""
    talk = Talk(names=NAMES)
    talk.deaf = True
    talk.connect().wait(4.9)
    assert "" == talk.session.hang_up
    assert "does not answer" in talk.wait(0.3).session.hang_up

    talk.deaf = False
    talk.session.closed()
    talk.connect().offer()
    talk.deaf = True
    assert "does not answer" in talk.wait(6).session.hang_up


@pytest.mark.parametrize("names_culprits", [True, False])
def test_a_parameter_that_disappears_costs_no_frame(names_culprits: bool) -> None:
    """453: the rest arrives at once, the missing one is made again; with and without its name in the message."""
    talk = Talk(VTubeStudioApi(permission="allow", names_culprits=names_culprits), names=NAMES).connect().offer().wait(3)
    del talk.api.parameters["JawOpen"]
    talk.offer()

    assert talk.now - talk.api.frames[-1].t < 0.01
    assert {"FaceAngleX": 1.0, "MouthOpen": 0.5, "HappyFace": 0.75} == {
        name: talk.api.parameters[name].value for name in ("FaceAngleX", "MouthOpen", "HappyFace")
    }
    talk.wait(3)
    assert dict(zip(NAMES, FRAME.values, strict=True)) == talk.values
    assert [] == talk.api.releases


@pytest.mark.parametrize("names_culprits", [True, False])
def test_a_parameter_that_another_plugin_sets_is_left_to_it(names_culprits: bool) -> None:
    """454: the rest arrives; it is tried again alone, and taken back when the other has let go."""
    talk = Talk(VTubeStudioApi(permission="allow", names_culprits=names_culprits), names=NAMES).connect().offer()
    for _ in range(150):
        talk.api.take_over("MouthOpen")
        talk.offer().wait(STEP_S)
    assert ("FaceAngleX", "JawOpen", "HappyFace") == tuple(talk.values)
    assert "without MouthOpen: another plugin sets it at the moment" == talk.session.note
    assert [454] * len(talk.api.errors) == [number for number, _ in talk.api.errors]
    assert len(talk.api.errors) < 10

    talk.wait(12)

    assert (set(NAMES), "") == (set(talk.values), talk.session.note)


def test_a_parameter_of_another_plugin_is_used_not_made() -> None:
    """It may be set by anybody; nothing fails, and the user is told."""
    api = VTubeStudioApi(permission="allow")
    api.add_foreign("JawOpen")
    talk = Talk(api, names=NAMES).connect().offer()

    assert dict(zip(NAMES, FRAME.values, strict=True)) == talk.values
    assert ("JawOpen: made by another plugin, set all the same", []) == (talk.session.note, api.errors)


def test_vtube_studios_own_are_never_made() -> None:
    """A version that lacks one: left out, and said."""
    api = VTubeStudioApi(permission="allow")
    del api.parameters["MouthOpen"]
    talk = Talk(api, names=NAMES).connect().offer()

    assert "MouthOpen" not in api.parameters
    assert "without MouthOpen: this VTube Studio does not have it" == talk.session.note


def test_no_more_than_a_hundred_custom_parameters_are_made() -> None:
    """The rest is left out, and said; the same when VTube Studio has 300 already."""
    names = tuple(f"Rule{i:03}" for i in range(120))
    frame = VtsFrame(names=names, values=(0.5,) * 120, face_found=True)
    talk = Talk(names=names).connect().offer(frame)
    assert (100, []) == (len(talk.values), talk.api.errors)
    assert talk.session.note.startswith("without Rule100, Rule101, Rule102 and 17 more: VTube Studio takes no more than 100")

    api = VTubeStudioApi(permission="allow")
    for i in range(290):
        api.add_foreign(f"Other{i:03}", f"Plugin {i % 5}")
    full = Talk(api, names=names).connect().offer(frame)
    assert 10 == len(full.values)
    assert "all 300 custom parameters" in full.session.note


def test_rules_that_change_bring_new_parameters() -> None:
    """While frames go on; none is lost."""
    talk = Talk(names=NAMES).connect().offer()
    talk.offer(VtsFrame(names=(*NAMES, "NewRule"), values=(*FRAME.values, 0.125), face_found=True))

    assert 0.125 == talk.api.parameters["NewRule"].value
    assert [] == talk.api.errors


def test_timing_can_be_told() -> None:
    """For tests, and whoever knows better."""
    talk = Talk(names=NAMES, timing=Timing(answer_s=1.0))
    talk.deaf = True

    assert talk.connect().wait(1.2).session.hang_up


def test_kinds_that_may_pile_up_are_bounded() -> None:
    """52 creations are not 52 requests at once."""
    talk = Talk(names=tuple(f"Rule{i:03}" for i in range(52)))
    talk.connect()

    assert 4 == talk.most_outstanding
    assert 52 == talk.types.count("ParameterCreationRequest")
    assert 0 == talk.session._requests.count(Kind.CREATION)
