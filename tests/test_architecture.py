"""The house rules that a reviewer would have to check by hand: layers, purity, sizes, docstrings, the map."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "bridge"

# One row per layer, lowest first. A module may import rows above it, and other modules of its own package; nothing else.
# "stages" stands for every module of bridge/stages; a module named by itself wins over its package. A new module of an existing
# package needs no entry. ARCHITECTURE.md explains the order.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("__init__",),  # only the version
    ("errors",),
    ("shipped", "clock"),
    ("arkit",),
    ("types",),
    ("space",),
    ("stage_settings",),
    ("settings",),
    ("settings_load",),
    ("mapping",),
    ("stages", "wire", "control.messages"),
    ("mailbox", "metrics", "recording", "trace", "state_store", "download"),
    ("recording_npz", "models", "calibration_profiles"),
    ("export",),
    ("sources", "trackers", "filters"),
    ("outputs",),
    ("control",),  # the server is handed what it serves as callables; it knows neither engine nor runtime
    ("engine", "capture", "recorder", "profile_keeper"),
    ("status",),
    ("calibration_control",),
    ("runtime", "offline"),
    ("daemon", "doctor", "bench", "terminal", "testing"),
    ("report",),
    ("cli",),
)

# Values in, values out: no clock, no I/O, no thread.
PURE = ("errors", "arkit", "types", "space", "stage_settings", "settings", "mapping", "stages", "wire", "control.messages")
IMPURE_MODULES = {
    "asyncio", "concurrent", "datetime", "http", "io", "multiprocessing", "os", "pathlib", "queue", "random", "select",
    "selectors", "shutil", "signal", "socket", "ssl", "subprocess", "sys", "tempfile", "threading", "time", "urllib.request",
    "cv2", "mediapipe", "websockets", "pythonosc",
}  # fmt: skip
IMPURE_CALLS = {"open", "print", "input"}

# Loading these takes long and is loud: at the top of a module only here, and never on the way to the command line.
HEAVY_MODULES = {"cv2": ("sources", "trackers", "filters", "bench"), "mediapipe": ("trackers",), "pyvirtualcam": ()}

# Where anything at all may be caught; everywhere else what is caught has a name.
BROAD_EXCEPT = {
    "capture": "supervisor: a source that breaks is opened again",
    "engine": "supervisor: a bug in a stage is told, and the performance goes on",
    "outputs.worker": "supervisor: an output that breaks disturbs no other",
    "trackers.face_landmarker": "supervisor: one bad result does not end tracking",
    "trackers.direct_read": "whatever goes wrong, the public API is there",
    "outputs.kinds": "a plugin may raise anything while it is loaded",
    "cli.app": "the last line: one sentence instead of a traceback",
}

FORBIDDEN_NAMES = {"util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"}
LONGEST_FILE = 400


def _none(problems: Iterable[object]) -> None:
    lines = [str(problem) for problem in problems]
    assert not lines, "\n".join(["", *lines])


def _module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


TREES = {
    _module_name(path): ast.parse(path.read_text(encoding="utf-8"), filename=str(path)) for path in sorted(PACKAGE.rglob("*.py"))
}
MODULES = sorted(TREES)
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def _target(dotted: str) -> str:
    """The module of ours that ``bridge.a.b`` means: b may be a module or a name inside a."""
    parts = dotted.split(".")[1:]
    while parts and ".".join(parts) not in TREES:
        parts.pop()
    return ".".join(parts) or "__init__"


def _imports(tree: ast.AST) -> Iterator[str]:
    """Every imported module, dotted, wherever the statement stands; also ``import_module("...")``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in {
            "import_module",
            "__import__",
        }:
            yield from (arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str))


def _own_imports(module: str) -> set[str]:
    return {_target(name) for name in _imports(TREES[module]) if name.split(".")[0] == "bridge"} - {module}


def _within(module: str, places: tuple[str, ...]) -> bool:
    return any(module == place or module.startswith(place + ".") for place in places)


def _package(module: str) -> str:
    return module.partition(".")[0]


def _layer(module: str) -> int | None:
    for name in (module, _package(module)):
        for number, row in enumerate(LAYERS):
            if name in row:
                return number
    return None


def _may_import(module: str, imported: str) -> bool:
    mine, other = _layer(module), _layer(imported)
    return mine is not None and other is not None and (other < mine or (other == mine and _package(imported) == _package(module)))


# --- layers --------------------------------------------------------------------------------------------------------------


def test_every_module_has_a_layer() -> None:
    """A new module says where it stands: one that is listed here is to be added to LAYERS above."""
    _none(module for module in MODULES if _layer(module) is None)


def test_imports_point_down_the_layers() -> None:
    """A module imports lower layers, or its own package; never its peers or what is above."""
    wrong = [
        f"bridge.{module} imports bridge.{imported}, which is not below it"
        for module in MODULES
        for imported in sorted(_own_imports(module))
        if not _may_import(module, imported)
    ]

    _none(wrong)


def test_there_are_no_import_cycles() -> None:
    """Not inside a package either, and not through imports inside functions."""
    graph = {module: _own_imports(module) for module in MODULES}
    cycles: list[str] = []
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        if module in trail:
            cycles.append(" -> ".join((*trail[trail.index(module) :], module)))
        elif module not in done:
            for imported in sorted(graph[module]):
                visit(imported, (*trail, module))
            done.add(module)

    for module in MODULES:
        visit(module, ())

    _none(cycles)


def test_no_import_is_hidden_from_the_run() -> None:
    """No TYPE_CHECKING: what a module needs to be read it really imports."""
    hiding = [
        module
        for module in MODULES
        if any("TYPE_CHECKING" in (getattr(node, "id", ""), getattr(node, "attr", "")) for node in ast.walk(TREES[module]))
    ]

    _none(hiding)


# --- purity and weight -----------------------------------------------------------------------------------------------------


def _with_parents(dotted: str) -> set[str]:
    parts = dotted.split(".")
    return {".".join(parts[:length]) for length in range(1, len(parts) + 1)}


def test_pure_modules_touch_nothing() -> None:
    """No clock, socket, thread, file or heavy library."""
    wrong = {}
    for module in (module for module in MODULES if _within(module, PURE)):
        imported = {name for dotted in _imports(TREES[module]) for name in _with_parents(dotted)}
        called = {getattr(node.func, "id", "") for node in ast.walk(TREES[module]) if isinstance(node, ast.Call)}
        if touched := sorted(imported & IMPURE_MODULES | called & IMPURE_CALLS):
            wrong[module] = touched

    _none(f"bridge.{module}: {', '.join(touched)}" for module, touched in wrong.items())


def test_heavy_libraries_are_not_imported_at_the_top() -> None:
    """mediapipe and OpenCV are loaded where they are needed, when they are needed."""
    wrong = [
        f"bridge.{module} imports {library} at its top"
        for module in MODULES
        for statement in TREES[module].body
        if isinstance(statement, ast.Import | ast.ImportFrom)
        for library in {_package(name) for name in _imports(statement)} & HEAVY_MODULES.keys()
        if not _within(module, HEAVY_MODULES[library])
    ]

    _none(wrong)


def test_the_command_line_starts_without_heavy_libraries() -> None:
    """``avatar-bridge status`` need not wait for mediapipe or OpenCV."""
    code = "import sys, bridge.cli; print(sorted({'cv2', 'mediapipe', 'pyvirtualcam'} & set(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120, cwd=ROOT)

    assert done.stdout.strip() == "[]"


def test_pyvirtualcam_is_imported_in_one_file_at_most() -> None:
    """It is GPL: the MIT core touches it in one place, and only when asked."""
    users = [module for module in MODULES if any(name.split(".")[0] == "pyvirtualcam" for name in _imports(TREES[module]))]

    assert len(users) <= 1


def _swallows_anything(node: ast.AST) -> bool:
    if not isinstance(node, ast.ExceptHandler) or (isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None):
        return False  # what cleans up and raises again hides nothing
    kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    return any(kind is None or getattr(kind, "id", "") in {"Exception", "BaseException"} for kind in kinds)


def test_broad_excepts_stand_where_they_are_meant() -> None:
    """``except Exception`` and the bare ``except`` hide bugs: only the places above may."""
    broad = {module for module in MODULES if any(map(_swallows_anything, ast.walk(TREES[module])))}

    _none(sorted(broad - BROAD_EXCEPT.keys()))


# --- shape -----------------------------------------------------------------------------------------------------------------


def test_names_say_what_a_module_is_about() -> None:
    """No drawer for odds and ends."""
    named = [path for path in PACKAGE.rglob("*") if path.stem.lower() in FORBIDDEN_NAMES]

    _none(named)


@pytest.mark.parametrize("folder", ["bridge", "tests"])
def test_files_can_be_read_in_one_go(folder: str) -> None:
    """400 lines at most, scripts and styles of the page included."""
    sources = [path for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".js", ".css", ".html"}]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in sources}

    _none(f"{name} has {length} lines" for name, length in lengths.items() if length > LONGEST_FILE)


@functools.cache
def _described_by_roles() -> set[str]:
    """Methods that a Protocol of ours describes; who plays the role need not describe them again."""
    classes = [node for tree in TREES.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    roles = [node for node in classes if any("Protocol" in ast.dump(base) for base in node.bases)]
    return {method.name for role in roles for method in role.body if isinstance(method, FUNCTION) and ast.get_docstring(method)}


def _undescribed(body: list[ast.stmt], prefix: str, *, in_class: bool) -> Iterator[str]:
    for node in body:
        if isinstance(node, (ast.ClassDef, *FUNCTION)) and not node.name.startswith("_"):
            if ast.get_docstring(node) is None and not (in_class and node.name in _described_by_roles()):
                yield prefix + node.name
            if isinstance(node, ast.ClassDef):
                yield from _undescribed(node.body, f"{prefix}{node.name}.", in_class=True)


def test_everything_public_has_a_docstring() -> None:
    """Functions, classes and methods; what a role demands is described at the role."""
    _none(name for module in MODULES for name in _undescribed(TREES[module].body, f"{module}.", in_class=False))


def test_every_test_names_the_behaviour() -> None:
    """A test without a docstring does not say what broke."""
    silent = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, FUNCTION) and node.name.startswith("test_")
        if ast.get_docstring(node) is None
    ]

    _none(silent)


# --- the map ---------------------------------------------------------------------------------------------------------------


def _map_lines() -> list[tuple[str, list[str]]]:
    """(folder, names in it) of every line of the tree in ARCHITECTURE.md; a line without a folder goes on with the last one."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    block = re.search(r"```tree\n(.*?)```", text, flags=re.DOTALL)
    assert block is not None, "ARCHITECTURE.md has no ```tree block"
    lines: list[tuple[str, list[str]]] = []
    folder = ""
    for line in block.group(1).splitlines():
        listing = line.partition(" # ")[0].split()
        if listing and listing[0].endswith("/"):
            folder = listing.pop(0)
        lines.append((folder, listing))
    return lines


def test_the_map_names_only_what_exists() -> None:
    """Every folder and file in ARCHITECTURE.md's tree is there."""
    drawn = [folder.removeprefix("./") + name for folder, names in _map_lines() for name in ("", *names)]

    _none(name for name in drawn if not (ROOT / name).exists())


def test_the_map_names_every_folder_and_every_module_outside_them() -> None:
    """The package can be found by the map."""
    drawn = {folder + name for folder, names in _map_lines() for name in ("", *names)}
    folders = {f"{path.parent.relative_to(ROOT).as_posix()}/" for path in PACKAGE.rglob("*.py")}
    modules = {f"bridge/{path.name}" for path in PACKAGE.glob("*.py") if path.name != "__init__.py"}

    _none(sorted((folders | modules) - drawn))
