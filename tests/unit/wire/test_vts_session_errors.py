"""What goes wrong in the conversation with VTube Studio: every error at every step, and messages that are none."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from bridge.wire.vts_errors import API_FAULTS, Reaction
from bridge.wire.vts_session import Phase
from tests.e2e.vtube_studio_api import Session, refuse
from tests.unit.wire.vts_talk import NAMES, Talk, fail_newest


def _at_injecting(error_id: int) -> Talk:
    talk = Talk(names=NAMES).connect().offer()
    talk.deaf = True
    talk.offer()
    talk.deaf = False
    fail_newest(talk, error_id)
    return talk


def test_every_error_of_the_sheet_has_a_reaction_and_a_sentence() -> None:
    """A.5."""
    sheet = {*range(10), *range(50, 55), *range(100, 103), *range(350, 357), *range(400, 404), *range(450, 456), 500}

    assert sheet == set(API_FAULTS)
    assert all(len(fault.sentence) > 15 for fault in API_FAULTS.values())
    assert set(Reaction) == {fault.reaction for fault in API_FAULTS.values()}


@pytest.mark.parametrize("error_id", [*sorted(API_FAULTS), -1, 9999])
def test_after_any_error_of_a_frame_it_goes_on_or_says_why_not(error_id: int) -> None:
    """All parameters are set again within seconds, or the connection ends, or the user reads what to do."""
    talk = _at_injecting(error_id)
    if API_FAULTS.get(error_id, API_FAULTS[0]).reaction is Reaction.REJECT and error_id != 50:
        assert (Phase.REJECTED, API_FAULTS[error_id].sentence) == (talk.session.phase, talk.session.note)
    elif talk.session.hang_up:
        assert Reaction.RECONNECT is API_FAULTS[error_id].reaction
    else:
        talk.offer().wait(15)
        assert Phase.INJECTING is talk.session.phase
        assert set(NAMES) == set(talk.values)


@pytest.mark.parametrize("error_id", [*sorted(API_FAULTS), -1, 9999])
@pytest.mark.parametrize("step", ["APIStateRequest", "AuthenticationTokenRequest", "AuthenticationRequest",
                                  "InputParameterListRequest", "ParameterCreationRequest"])  # fmt: skip
def test_after_any_error_of_the_handshake_it_goes_on_or_says_why_not(step: str, error_id: int) -> None:
    """Every step with every error: frames in the end, or a sentence."""
    talk = Talk(names=NAMES)
    handle = talk.api.handle
    failed: list[str] = []

    def fail_once(session: Session, text: str | bytes, send: Callable[[str], None]) -> None:
        request = json.loads(text)
        if request["messageType"] == step and not failed:
            failed.append(step)
            data = {"errorID": error_id, "message": "because"}
            send(json.dumps({"messageType": "APIError", "requestID": request["requestID"], "data": data}))
        else:
            handle(session, text, send)

    talk.api.handle = fail_once  # type: ignore[method-assign]
    talk.connect().offer().wait(10)

    assert [step] == failed
    if talk.session.phase is Phase.REJECTED:
        assert Reaction.REJECT is API_FAULTS[error_id].reaction
    elif talk.session.hang_up:
        assert len(talk.session.hang_up) > 15
    else:
        assert Phase.INJECTING is talk.session.phase
        assert {"FaceAngleX", "MouthOpen"} <= set(talk.values)


def test_a_token_that_is_granted_and_refused_ends_the_connection() -> None:
    """Not one question after the other."""
    talk = Talk(names=NAMES)
    talk.api._authenticate = lambda *_: {"authenticated": False}  # type: ignore[method-assign]
    talk.connect()

    assert (1, True) == (talk.types.count("AuthenticationTokenRequest"), "does not accept it" in talk.session.hang_up)


def test_a_token_that_is_accepted_and_refused_ends_the_connection() -> None:
    """Not one authentication after the other."""
    talk = Talk(names=NAMES)
    talk.api._inject = lambda *_: refuse(8, "Request requires authentication")  # type: ignore[method-assign]
    talk.connect().offer().wait(3)

    assert 3 == talk.types.count("AuthenticationRequest")
    assert "then refuses" in talk.session.hang_up


def test_malformed_messages_are_counted_not_followed() -> None:
    """The performance goes on; too many end the connection."""
    talk = Talk(names=NAMES).connect().offer()
    for text in ("{", "[]", '{"messageType":"InjectParameterDataResponse"}', '{"messageType":"ModelLoadedEvent","data":{}}'):
        talk.say(talk.session.received(text, talk.now))
    talk.offer()
    assert (Phase.INJECTING, 2) == (talk.session.phase, talk.session.accepted)
    assert "unreadable messages from VTube Studio: 2" == talk.session.note

    for _ in range(40):
        talk.say(talk.session.received("{", talk.now))
    assert "another program" in talk.session.hang_up


def test_an_answer_of_another_type_ends_the_handshake() -> None:
    """It would otherwise wait for ever."""
    talk = Talk(names=NAMES)
    talk.deaf = True
    talk.connect()
    talk.answer(messageType="Hello", requestID=talk.sent[-1]["requestID"], data={})

    assert "VTube Studio answers with 'Hello', not APIStateResponse" == talk.session.hang_up
