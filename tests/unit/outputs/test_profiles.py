"""Receivers' profiles: the shipped ones send what they promise, the user's own go before, broken ones are one sentence."""

from __future__ import annotations

import socket
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_packet import OscPacket

from bridge import arkit
from bridge.errors import ConfigError
from bridge.outputs.event_loop import EventLoopThread
from bridge.outputs.kinds import known_schemes
from bridge.outputs.profiles import ProfileShelf
from bridge.outputs.registry import OutputContext, OutputPlan, create_output, parse_output
from bridge.settings import OutputSettings, RuleSettings
from bridge.shipped import shipped_path
from bridge.types import FaceState

PROMISED = (
    "vseeface", "warudo", "vnyan", "vmagicmirror", "vtube-studio", "vrchat", "unity-evmc4u", "unreal-livelink", "unreal-vmc4ue",
    "blender", "xr-animator", "resonite", "touchdesigner",
)  # fmt: skip

# What each sends, taken from the fact sheets: names that must be among the expressions or addresses, bundles or not, the port.
VMC = [*arkit.PASCAL]
EXPECTED: dict[str, tuple[list[str], bool, int]] = {
    "vseeface": (VMC, True, 39539),
    "warudo": ([*arkit.PASCAL, *arkit.NAMES], True, 39539),
    "vnyan": (VMC, True, 39539),
    "vmagicmirror": (VMC, True, 39539),
    "unity-evmc4u": (VMC, True, 39539),
    "unreal-vmc4ue": (VMC, True, 39539),
    "blender": (VMC, True, 39539),
    "xr-animator": (VMC, True, 39539),
    "resonite": ([f"/{name}" for name in arkit.NAMES], False, 9000),
    "touchdesigner": ([f"/{name}" for name in arkit.NAMES], True, 9000),
}


@pytest.fixture(autouse=True)
def user_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own folder of profiles: empty, and not the one of whoever runs the tests."""
    monkeypatch.setattr("bridge.outputs.profiles.user_config_file", lambda: tmp_path / "user" / "bridge.toml")
    folder = tmp_path / "user" / "profiles"
    folder.mkdir(parents=True)
    return folder


def _plan(url: str, folder: str = "") -> OutputPlan:
    return parse_output(OutputSettings(url=url), aliases=ProfileShelf(folder))


def _write(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


# --- the shipped ones ------------------------------------------------------------------------------------------------


def test_every_promised_receiver_is_there() -> None:
    """And nothing else is in the folder."""
    files = {path.stem for path in shipped_path("config/profiles").iterdir()}

    assert set(PROMISED) == files == set(ProfileShelf())


@pytest.mark.parametrize("name", PROMISED)
def test_a_shipped_profile_can_be_used_and_says_what_to_switch_on(name: str) -> None:
    """It parses, its options are the kind's, its output can be made; global mirror stays the user's business."""
    loaded = ProfileShelf().load(name)
    plan = _plan(f"{name}://")
    create_output(plan, OutputContext(event_loop=EventLoopThread()))

    assert name == plan.name
    assert loaded.profile.setup
    assert loaded.profile.untested
    assert loaded.profile.title
    assert None is plan.mirror
    assert loaded.profile.port == plan.port


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_profile_sends_the_names_it_promises(name: str, make_state: Callable[..., FaceState]) -> None:
    """Every one with its value, in bundles or without, as python-osc reads it."""
    names, bundled, port = EXPECTED[name]
    assert port == _plan(f"{name}://").port
    state = make_state(seed=4)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(20.0)
        output = create_output(_plan(f"{name}://127.0.0.1:{receiver.getsockname()[1]}"), OutputContext())
        output.open()
        output.send(state)
        output.close()
        found: dict[str, float] = {}
        while not set(names) <= found.keys():
            data = receiver.recv(65536)
            assert bundled == OscBundle.dgram_is_bundle(data)
            for timed in OscPacket(data).messages:
                message = timed.message
                if message.address == "/VMC/Ext/Blend/Val":
                    found[message.params[0]] = message.params[1]
                elif len(message.params) == 1 and not message.address.startswith("/VMC"):
                    found[message.address] = message.params[0]

    assert {n: float(state.weights[arkit.index_of(n)]) for n in names} == {n: found[n] for n in names}


def test_the_user_goes_before_the_profile() -> None:
    """Host, port and options of the URL; the rest is the profile's."""
    plan = _plan("vseeface://192.168.1.5:4000?names=vrm0&mirror=1&name=me")

    assert ("me", "vmc://192.168.1.5:4000?names=vrm0&max_bytes=8192&mirror=1") == (plan.name, plan.url)


def test_a_misspelt_receiver_is_guessed() -> None:
    """Among kinds and profiles."""
    with pytest.raises(ConfigError, match=r"unknown kind of output 'vseface'; did you mean vseeface\?"):
        _plan("vseface://")


def test_profiles_count_without_being_asked_for() -> None:
    """Wherever an output is parsed."""
    assert "vmc://127.0.0.1:39539" == parse_output(OutputSettings(kind="vnyan")).url


# --- the user's own --------------------------------------------------------------------------------------------------

OWN = 'kind = "vmc"\ndescription = "mine"\nport = 5000\nmirror = true\nfps = 30\n[options]\nnames = "camel"\n'


def test_folders_go_before_one_another(tmp_path: Path, user_folder: Path) -> None:
    """The configuration's, the user's, the shipped one; whole files, not keys."""
    folder = tmp_path / "beside"
    folder.mkdir()
    _write(user_folder, "vseeface", OWN)
    _write(user_folder, "studio", OWN)
    _write(folder, "studio", OWN.replace("5000", "6000"))

    assert "vmc://127.0.0.1:5000?names=camel&fps=30&mirror=1" == _plan("vseeface://").url
    assert [6000, 5000] == [_plan("studio://", str(folder)).port, _plan("studio://").port]
    assert {*PROMISED, "studio"} == set(ProfileShelf(str(folder)))


def test_a_profile_may_carry_rules_and_name_a_file_beside_it(user_folder: Path) -> None:
    """They come before the output's own, which are stronger."""
    _write(user_folder, "tables", 'kind = "vmc"\ndescription = "x"\n[rules.jawOpen]\nscale = 2\n')
    _write(user_folder, "filed", 'kind = "vmc"\ndescription = "x"\nrules = "mine.rules"\n')

    assert ({"jawOpen": RuleSettings(scale=2)}, "own.toml") == _plan("tables://?rules=own.toml").rules
    assert (str(user_folder / "mine.rules"),) == _plan("filed://").rules
    assert () == _plan("vmc://").rules


def test_a_profile_of_a_kinds_own_name_refines_it(user_folder: Path) -> None:
    """``vmc://`` then means it; what status shows parses to the same plan again, the kind's own defaults included."""
    _write(
        user_folder, "vmc", 'kind = "vmc"\ndescription = "x"\nport = 5000\nfps = 30\n[options]\nnames = "camel"\nneck = 0.25\n'
    )
    plain, other = _plan("vmc://"), _plan("vmc://:1?names=pascal&fps=0")

    assert "vmc://127.0.0.1:5000?names=camel&neck=0.25&fps=30" == plain.url
    assert other.url.startswith("vmc://127.0.0.1:1?")
    for plan in (plain, other, _plan("vseeface://")):
        again = _plan(plan.url)
        assert (plan.options, plan.port, plan.fps, plan.url) == (again.options, again.port, again.fps, again.url)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("kind = 'vmc", "is not valid TOML"),
        ("description = 'x'", "kind: field required"),
        ("kind = 'vmc'", "description: field required"),
        ("kind = 'vmk'\ndescription = 'x'", "kind: unknown kind of output 'vmk'; did you mean vmc?"),
        ("kind = 'vmc'\ndescription = 'x'\nprot = 5", "prot: unknown key; did you mean port?"),
        ("kind = 'vmc'\ndescription = 'x'\nport = 70000", "port: input should be less than or equal to 65535, not 70000"),
        ("kind = 'vmc'\ndescription = 'x'\n[options]\nnmaes = 'x'", "options.nmaes: unknown key; did you mean names?"),
        ("kind = 'vmc'\ndescription = 'x'\n[options]\nnames = 'x'", "options.names: input should be 'pascal', 'camel'"),
        ("kind = 'vmc'\ndescription = 'x'\n[options]\nport = 5", "options.port: stands one level higher, outside [options]"),
        (
            "kind = 'osc'\ndescription = 'x'\n[options]\npreset = 'phiz'\nnames = 'camel'",
            "options: names belongs to preset=plain",
        ),
        ("kind = 'record'\ndescription = 'x'\nport = 5", "port: record takes no address"),
        (
            "kind = 'vmc'\ndescription = 'x'\n[rules.X]\nsources = ['jawOpn']",
            "rules.X.sources: 'jawOpn' cannot be read; did you mean",
        ),
        ("kind = 'vmc'\ndescription = 'x'\n[rules.X]\nscael = 1", "rules.X.scael: unknown key; did you mean scale?"),
        ("kind = 'vmc'\ndescription = 'x'\n[[rules.X.sources]]\nnmae = 'x'", "nmae: unknown key; did you mean name?"),
    ],
)
def test_a_broken_profile_is_one_sentence_with_file_and_key(user_folder: Path, text: str, says: str) -> None:
    """When it is used; nobody else notices it."""
    path = _write(user_folder, "mine", text)
    with pytest.raises(ConfigError) as caught:
        _plan("mine://")

    assert str(caught.value).startswith(f"output mine://: profile {path}")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "vnyan" == _plan("vnyan://").name
    assert ["mine"] == [broken.name for broken in ProfileShelf().load_all()[1] if broken.name not in PROMISED]


def test_a_profile_cannot_take_a_kinds_place(user_folder: Path) -> None:
    """Refine, yes; ``vmc://`` that sends OSC, no. Another kind's profile is not disturbed."""
    _write(user_folder, "vmc", 'kind = "osc"\ndescription = "x"\n')
    with pytest.raises(ConfigError, match="kind: a profile called like the kind vmc can only refine it, not be 'osc'"):
        _plan("vmc://")

    assert "vmc://127.0.0.1:39539" == _plan("vnyan://").url


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    """When it was named."""
    with pytest.raises(ConfigError, match="is no folder"):
        ProfileShelf(str(tmp_path / "absent"))


@pytest.mark.parametrize("name", ["../vseeface", "..", "VSeeFace", "", "a/b", "bridge.toml/x"])
def test_a_name_does_not_lead_out_of_the_folder(name: str) -> None:
    """Only plain names are looked up; a URL's scheme is small letters by then."""
    assert name not in ProfileShelf()
    with pytest.raises(KeyError):
        ProfileShelf().load(name)


def test_no_profile_hides_a_kind_by_accident() -> None:
    """The shipped ones that are called like a kind refine it."""
    shared = set(PROMISED) & set(known_schemes())
    kinds = {
        name: tomllib.loads((shipped_path("config/profiles") / f"{name}.toml").read_text(encoding="utf-8"))["kind"]
        for name in shared
    }

    assert {"vrchat": "vrchat"} == kinds
