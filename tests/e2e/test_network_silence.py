"""Nothing leaves the machine that the user did not ask for: the kernel's own record of a whole run, start to close.

strace notes every network system call of every thread and child. Each address in it must be a configured output or the loopback
control port: no name service, no telemetry, no update check. (An output whose host is a *name* is looked up, by its nature.)
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.program import PATIENCE_S, Program
from tests.e2e.receivers import OscReceiver

pytestmark = pytest.mark.e2e

DURATION_S = float(os.environ.get("BRIDGE_TEST_SILENCE_S", "90"))
LOOPBACK = "127.0.0.1"
OUTGOING = ("connect", "sendto", "sendmsg", "sendmmsg")

KNOWN_UNIX_PEERS = {"/var/run/nscd/socket", "/run/nscd/socket"}
"""glibc asks the local cache daemon, where there is one, for users and groups. Nothing else may be talked to by path."""
KNOWN_FAMILIES = {"AF_INET", "AF_INET6", "AF_UNIX", "AF_LOCAL", "AF_NETLINK"}
"""AF_NETLINK asks the kernel for the interfaces; nothing is sent anywhere by it."""

_CALL = re.compile(r"^\d+\s+(?:<\.\.\. )?(?P<name>\w+)(?:\(| resumed>)(?P<rest>.*)$")
_INET = re.compile(r'sin_port=htons\((?P<port>\d+)\), sin_addr=inet_addr\("(?P<host>[^"]+)"\)')
_INET6 = re.compile(r'sin6_port=htons\((?P<port>\d+)\).*?inet_pton\(AF_INET6, "(?P<host>[^"]+)"')
_UNIX = re.compile(r'sa_family=AF_(?:UNIX|LOCAL), sun_path=(?P<path>@?"[^"]*")')
_FAMILY = re.compile(r"sa_family=(?P<family>AF_\w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    name: str
    rest: str

    @property
    def places(self) -> list[tuple[str, int]]:
        """Every internet address in the arguments."""
        return [(found["host"], int(found["port"])) for pattern in (_INET, _INET6) for found in pattern.finditer(self.rest)]

    @property
    def paths(self) -> list[str]:
        """Every path of a local socket."""
        return [found["path"].strip('@"') for found in _UNIX.finditer(self.rest)]


def read_trace(text: str) -> Iterator[Call]:
    """One call a line; of a call that another thread interrupted, both halves."""
    for line in text.splitlines():
        found = _CALL.match(line)
        if found is not None:
            yield Call(name=found["name"], rest=found["rest"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A traced run with the control port open, two outputs, and somebody who looks at the page."""

    calls: tuple[Call, ...]
    outputs: tuple[tuple[str, int], ...]
    control: tuple[str, int]


@pytest.fixture(scope="module")
def silence(
    synthetic: Callable[[str], Path],
    model_path: Path,
    pick_tcp_port: Callable[[], int],
    tmp_path_factory: pytest.TempPathFactory,
) -> Silence:
    """The run under strace."""
    if shutil.which("strace") is None:
        pytest.skip("needs strace")
    if subprocess.run(["strace", "-f", "-o", os.devnull, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("strace may not trace here")
    home = tmp_path_factory.mktemp("silence")
    trace, control = home / "trace.txt", pick_tcp_port()
    wrapper = ("strace", "-f", "--seccomp-bpf", "-e", "trace=network", "-s", "16", "-o", str(trace))
    with OscReceiver() as vmc, OscReceiver() as osc:
        arguments = [
            *("--source", str(synthetic(".mp4")), "--loop", "--duration", f"{DURATION_S:g}"),
            *("--output", f"vmc://{LOOPBACK}:{vmc.port}"),
            *("--output", f"osc://{LOOPBACK}:{osc.port}"),
            *("--set", f"tracker.model={model_path}"),
            *("--set", f"control.port={control}"),
        ]
        with Program("run", *arguments, home=home, wrapper=wrapper) as program:
            program.wait_for_page(control)
            finished = program.finish(DURATION_S + 2 * PATIENCE_S)
        assert finished.code == 0, str(finished)
        assert finished.ended_s - finished.began_s >= DURATION_S
        outputs = ((LOOPBACK, vmc.port), (LOOPBACK, osc.port))
    calls = tuple(read_trace(trace.read_text(encoding="utf-8", errors="replace")))
    return Silence(calls=calls, outputs=outputs, control=(LOOPBACK, control))


def test_the_trace_saw_the_run(silence: Silence) -> None:
    """Both outputs were sent to, many times: an empty trace would prove nothing."""
    sent = Counter(place for call in silence.calls if call.name in OUTGOING for place in call.places)
    connected = Counter(place for call in silence.calls if call.name == "connect" for place in call.places)
    for output in silence.outputs:
        assert sent[output] >= 5 * DURATION_S or connected[output] >= 1, (output, sent)
    assert sum(call.name in OUTGOING for call in silence.calls) >= 10 * DURATION_S


def test_only_the_outputs_and_the_control_port_are_sent_to(silence: Silence) -> None:
    """connect, sendto, sendmsg and sendmmsg name no other internet address, so no DNS server either."""
    allowed = {*silence.outputs, silence.control}
    strangers = Counter(
        (call.name, place) for call in silence.calls if call.name in OUTGOING for place in call.places if place not in allowed
    )
    # What the control server sends goes to whoever connected to it: see accept, below.
    answers = {place for call in silence.calls if call.name.startswith("accept") for place in call.places}
    strangers = Counter({key: count for key, count in strangers.items() if key[1] not in answers})
    assert {} == dict(strangers)


def test_only_this_machine_gets_in(silence: Silence) -> None:
    """The one port that is bound is the control port on loopback, and who connected came from loopback."""
    bound = {place for call in silence.calls if call.name == "bind" for place in call.places}
    assert {silence.control} == bound
    peers = {host for call in silence.calls if call.name.startswith("accept") for host, _ in call.places}
    assert {LOOPBACK} == peers


def test_no_other_kind_of_socket_is_talked_to(silence: Silence) -> None:
    """Local sockets are pairs of the program's own; nothing is asked by path but the user cache; no raw or packet sockets."""
    families = {family for call in silence.calls for family in _FAMILY.findall(call.rest)}
    families |= {call.rest.split(",")[0] for call in silence.calls if call.name == "socket" and call.rest.startswith("AF_")}
    assert families <= KNOWN_FAMILIES
    assert {path for call in silence.calls for path in call.paths} <= KNOWN_UNIX_PEERS


def test_the_trace_reader_finds_strangers() -> None:
    """Lines as strace writes them for a DNS query, IPv6, a local socket and a call cut in two."""
    text = (
        '12 connect(5, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("10.0.0.2")}, 16) = 0\n'
        '12 sendto(6, "x"..., 3, 0, {sa_family=AF_INET6, sin6_port=htons(443), sin6_flowinfo=htonl(0), '
        'inet_pton(AF_INET6, "2001:db8::1", &sin6_addr), sin6_scope_id=0}, 28 <unfinished ...>\n'
        "13 <... sendto resumed>) = 3\n"
        '13 connect(7, {sa_family=AF_UNIX, sun_path="/var/run/nscd/socket"}, 110) = -1 ENOENT\n'
        "13 +++ exited with 0 +++\n"
    )
    calls = list(read_trace(text))
    assert [("connect", [("10.0.0.2", 53)]), ("sendto", [("2001:db8::1", 443)]), ("sendto", []), ("connect", [])] == [
        (call.name, call.places) for call in calls
    ]
    assert ["/var/run/nscd/socket"] == calls[3].paths
