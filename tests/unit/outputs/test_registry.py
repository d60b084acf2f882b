"""From URLs and keys to plans; all problems at once; kinds of others."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.errors import ConfigError
from bridge.outputs.profiles import ProfileShelf
from bridge.outputs.registry import (
    BUILT_IN,
    Address,
    Alias,
    OutputPlan,
    known_schemes,
    load_kind,
    parse_output,
    parse_outputs,
)
from bridge.settings import OutputSettings
from tests.unit.outputs.null_kinds import NullOptions, add_built_ins, make_kind

NULL = make_kind("null", default_port=7, wants_landmarks=lambda options: options.landmarks)
PORTLESS = make_kind("portless")
PATHED = make_kind("pathed", default_port=8, address=Address.ENDPOINT_PATH)
FILE = make_kind("file", address=Address.FILE, wants_frame=lambda _: True)
NOWHERE = make_kind("nowhere", address=Address.NONE)


@pytest.fixture(autouse=True)
def _kinds_of_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    add_built_ins(monkeypatch, NULL, PORTLESS, PATHED, FILE, NOWHERE)


def _plan(url: str = "", **keys: Any) -> OutputPlan:
    return parse_output(OutputSettings(url=url, **keys))


def _complaint(*outputs: OutputSettings) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_outputs(outputs)
    return str(caught.value)


# --- what is understood ----------------------------------------------------------------------------------------------


def test_a_url_fills_in_what_it_leaves_out() -> None:
    """Host 127.0.0.1, the kind's port, every option its default, the scheme for a name."""
    plan = _plan("null://")

    assert ("null", "127.0.0.1", 7, "", 0.0, None, 0, True) == (
        plan.name, plan.host, plan.port, plan.path, plan.fps, plan.mirror, plan.subject, plan.enabled,
    )  # fmt: skip
    assert NullOptions() == plan.options


def test_options_of_the_kind_and_of_every_output_come_from_the_query() -> None:
    """As text; each arrives in its own type."""
    plan = _plan("null://h:5?size=3&loud=1&gain=0.5&name=me&fps=60&mirror=true&subject=2&enabled=0")

    assert NullOptions(size=3, loud=True, gain=0.5) == plan.options
    assert ("me", "h", 5, 60.0, True, 2, False) == (
        plan.name, plan.host, plan.port, plan.fps, plan.mirror, plan.subject, plan.enabled,
    )  # fmt: skip


@pytest.mark.parametrize(("text", "value"), [("1", True), ("0", False), ("true", True), ("false", False)])
def test_booleans(text: str, *, value: bool) -> None:
    """Both spellings."""
    assert value is _plan(f"null://?mirror={text}").mirror


def test_keys_say_the_same_as_a_url() -> None:
    """kind, host, port and options of a table."""
    table = _plan(kind="null", host="::1", port=5, size=3, loud=True, name="me", fps=60, mirror=False)

    assert table == _plan("null://[::1]:5?size=3&loud=1&name=me&fps=60&mirror=0")


def test_options_may_stand_beside_a_url() -> None:
    """Only the same twice is refused."""
    assert _plan("null://h?size=3") == _plan("null://h", size=3)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("pathed://", ("127.0.0.1", 8, "")),
        ("pathed://h:1/a/b", ("h", 1, "/a/b")),
        ("null://h/", ("h", 7, "")),
        ("file://a/b.txt", ("", 0, "a/b.txt")),
        ("file:///a/b.txt", ("", 0, "/a/b.txt")),
        ("nowhere://", ("", 0, "")),
        ("nowhere://?size=2", ("", 0, "")),
    ],
)
def test_every_address_kind(url: str, place: tuple[str, int, str]) -> None:
    """host:port, host:port/path, a file, nothing."""
    plan = _plan(url)

    assert place == (plan.host, plan.port, plan.path)


def test_a_file_may_be_given_as_key() -> None:
    """path = "..."."""
    assert "x.txt" == _plan(kind="file", path="x.txt").path


def test_plans_say_what_must_be_read() -> None:
    """Landmarks and frames are expensive: only for outputs that want them."""
    wishes = [(plan.wants_landmarks, plan.wants_frame) for plan in map(_plan, ["null://", "null://?landmarks=1", "file://x"])]

    assert [(False, False), (True, False), (False, True)] == wishes


def test_vmc_and_osc_choose_their_port_by_their_options() -> None:
    """A Performer listens elsewhere than a Marionette, phiz elsewhere than others."""
    ports = [_plan(url).port for url in ("vmc://", "vmc://?target=assistant", "osc://", "osc://?preset=phiz")]

    assert [39539, 39540, 9000, 41235] == ports


def test_every_built_in_kind_is_what_its_table_says() -> None:
    """Each module of the table exports its kind under its scheme, with a summary."""
    loaded = {scheme: load_kind(scheme) for scheme in BUILT_IN}

    assert list(BUILT_IN) == [kind.scheme for kind in loaded.values()]
    assert all(kind.summary for kind in loaded.values())


def test_options_as_gives_only_the_kinds_own_type() -> None:
    """A kind that is handed another's plan is told so."""
    plan = _plan("null://")

    assert plan.options is plan.options_as(NullOptions)
    with pytest.raises(TypeError):
        _plan("vmc://").options_as(NullOptions)


# --- canonical URL ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ("null://", "null://127.0.0.1:7"),
        ("NULL://h?size=1&loud=0", "null://h:7"),
        ("null://[::1]?loud=yes&gain=2.0&fps=60.0&mirror=0&subject=1", "null://[::1]:7?gain=2&loud=1&fps=60&mirror=0&subject=1"),
        ("file://a%20b.txt?size=2", "file://a%20b.txt?size=2"),
        ("nowhere://", "nowhere://"),
        ("osc://h?address=/face/{name}", "osc://h:9000?address=/face/{name}"),
        ("null://?token=abc", "null://127.0.0.1:7?token=***"),
    ],
)
def test_canonical_urls(given: str, canonical: str) -> None:
    """Filled in, defaults left out, secrets starred."""
    assert canonical == _plan(given).url


@pytest.mark.parametrize("url", ["null://h:1?size=2&fps=30&mirror=1&subject=3", "file:///x", "vmc://?names=both&neck=0.25&ok=4"])
def test_a_canonical_url_parses_to_the_same_plan(url: str) -> None:
    """Whatever status shows can be typed again."""
    plan = _plan(url)

    assert plan == _plan(plan.url)


# --- names -----------------------------------------------------------------------------------------------------------


def test_outputs_without_a_name_are_numbered_from_the_second_on() -> None:
    """Around the names that were given."""
    urls = ["null://", "null://", "file://x", "null://?name=null-3", "null://"]
    plans = parse_outputs([OutputSettings(url=url) for url in urls])

    assert ["null", "null-2", "file", "null-3", "null-4"] == [plan.name for plan in plans]


def test_two_outputs_of_one_name_are_refused() -> None:
    """Both are named in the sentence; a disabled one counts, it may be switched on."""
    sentence = _complaint(OutputSettings(url="null://a?name=x"), OutputSettings(url="null://b", name="x", enabled=False))

    assert "2 outputs are called 'x' (null://a:7, null://b:7); names must differ" == sentence


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nul://", "unknown kind of output 'nul'; did you mean null?"),
        ("zzz://", "unknown kind of output 'zzz'. There are"),
        ("null://h:70000", "port 70000 is out of range"),
        ("null://h/path", "null takes no path: '/path'"),
        ("portless://h", "portless has no usual port; write portless://h:PORT"),
        ("file://", "file needs a file and nothing else: file://FILE"),
        ("nowhere://h", "nowhere:// takes no address"),
        ("null://?siez=1", "unknown option siez; did you mean size? Options of null: size, gain"),
        ("null://?mirorr=1", "did you mean mirror?"),
        ("null://?qqq=1", "unknown option qqq. Options of null"),
        ("null://?port=1", "port is not an option; it stands before the question mark"),
        ("null://?size=x", "size: input should be a valid integer, unable to parse string as an integer, not 'x'"),
        ("null://?size=10", "size: input should be less than or equal to 9, not '10'"),
        ("null://?gain=nan", "gain: input should be a finite number"),
        ("null://?mirror=perhaps", "mirror: input should be a valid boolean"),
        ("null://?fps=-1", "fps: input should be greater than or equal to 0"),
        ("null://?subject=99", "subject: input should be less than or equal to 15"),
        ("vmc://?names=Pascal", "names: input should be 'pascal', 'camel', 'both', 'vrm0' or 'vrm1', not 'Pascal'"),
        ("vmc://?ok=2", "ok: input should be 1 or 4, not 2"),
        ("vmc://?max_bytes=100", "max_bytes: input should be greater than or equal to 256"),
        ("osc://?address=/x", "address: must contain {name} once"),
        ("osc://?address={name}", "is not an OSC address"),
        ("osc://?prefix=x", "is not an OSC address"),
        ("osc://?preset=phiz&names=pascal", "names belongs to preset=plain"),
        ("osc://?preset=phiz&max_bytes=256", "/phiz/blendshapes needs"),
        ("osc://?space=blender", "space: input should be 'bridge', 'unity', 'unreal' or 'vrm0'"),
    ],
)
def test_one_sentence_for_every_mistake_in_a_url(url: str, says: str) -> None:
    """It begins with the URL as it was written, is one line, and says what would be right."""
    sentence = _complaint(OutputSettings(url=url))

    assert sentence.startswith(f"output {url}: ")
    assert says in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({}, "names neither a url nor a kind"),
        ({"kind": "null", "port": "5"}, "port '5' is not a number"),
        ({"kind": "null", "port": True}, "port True is not a number"),
        ({"kind": "null", "port": 0}, "port 0 is out of range"),
        ({"kind": "null", "host": 5}, "host and path are texts"),
        ({"kind": "null", "host": "a b"}, "neither an IP address nor a host name"),
        ({"kind": "null", "size": "big"}, "size: input should be a valid integer"),
        ({"url": "null://", "kind": "vmc"}, "kind = 'vmc' contradicts the URL"),
        ({"url": "null://", "port": 5}, "port is given as a key beside a URL"),
        ({"url": "null://?size=1", "size": 1}, "size is given in the URL and as a key"),
        ({"url": "null://?fps=1", "fps": 2}, "fps is given in the URL and as a key"),
    ],
)
def test_one_sentence_for_every_mistake_in_keys(keys: dict[str, Any], says: str) -> None:
    """Of a table, or of a URL and keys together."""
    assert says in _complaint(OutputSettings(**keys))


def test_a_token_is_in_no_complaint() -> None:
    """Neither in the URL that is quoted nor as the value that was refused."""
    urls = ("null://h:1?token=hunter2&size=99", "null://h:1?size=99&token=hunter2", "vmc://[?Password=hunter2")
    report = _complaint(*(OutputSettings(url=url) for url in urls), OutputSettings(kind="null", token=["hunter2"]))

    assert "hunter2" not in report
    assert "null://h:1?token=***&size=99: size" in report


def test_all_problems_of_all_outputs_are_in_one_report() -> None:
    """A line each, so that one look at it is enough."""
    sentence = _complaint(
        OutputSettings(url="nul://"),
        OutputSettings(url="null://?size=99&loud=perhaps"),
        OutputSettings(url="null://?name=x"),
        OutputSettings(url="file://y?name=x"),
        OutputSettings(url="null:///path"),
    )
    first, *lines = sentence.splitlines()
    schemes = sorted({*known_schemes(), *ProfileShelf()})

    assert "5 problems with the outputs:" == first
    heads = [line.split(": ")[0:2] for line in lines]
    expected = [
        ["  - output nul://", f"unknown kind of output 'nul'; did you mean null? There are {', '.join(schemes)}"],
        ["  - output null://?size=99&loud=perhaps", "size"],
        ["  - output null://?size=99&loud=perhaps", "loud"],
        ["  - output null:///path", "null takes no path"],
        ["  - 2 outputs are called 'x' (null://127.0.0.1:7, file://y); names must differ"],
    ]

    assert "5 problems with the outputs:" == first
    assert expected == heads


# --- aliases ---------------------------------------------------------------------------------------------------------

ALIASES = {"loudnull": Alias(kind="null", defaults={"port": 55, "size": 4, "loud": True, "fps": 30, "mirror": True})}


def test_an_alias_is_a_kind_with_other_defaults() -> None:
    """Its scheme is the name, its URL that of the kind."""
    plan = parse_output(OutputSettings(url="loudnull://h"), aliases=ALIASES)

    assert ("loudnull", NULL, 55, 30.0, True) == (plan.name, plan.kind, plan.port, plan.fps, plan.mirror)
    assert NullOptions(size=4, loud=True) == plan.options
    assert plan.url.startswith("null://h:55?size=4&loud=1")


def test_what_the_user_writes_goes_before_the_alias() -> None:
    """In the URL or as keys."""
    plan = parse_output(OutputSettings(url="loudnull://:66?size=2", mirror=False), aliases=ALIASES)

    assert (66, False, NullOptions(size=2, loud=True)) == (plan.port, plan.mirror, plan.options)


def test_aliases_are_among_what_was_perhaps_meant() -> None:
    """A slip in a receiver's name."""
    with pytest.raises(ConfigError, match=r"did you mean loudnull\?"):
        parse_output(OutputSettings(url="loudnul://"), aliases=ALIASES)
