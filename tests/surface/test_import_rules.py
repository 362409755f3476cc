"""The package's own imports, held against the table of docs/architecture.md."""

import ast
import socket
from pathlib import Path

import pytest
from pytest_socket import SocketBlockedError

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "hashdesk"

BASE = ("errors", "units", "calendar", "assumptions", "progress", "config")
CALCULATION = ("metrics", "outlook", "checks")

MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "errors": (),
    "progress": (),
    "units": ("errors",),
    "calendar": ("errors", "units"),
    "assumptions": ("errors", "units"),
    "config": ("errors", "units", "calendar", "assumptions", "progress"),
    "catalog": BASE,
    "chain": BASE,
    "sources": (*BASE, "catalog", "chain"),
    "checks": (*BASE, "catalog", "chain"),
    "archive": (*BASE, "catalog", "chain", "checks"),
    "store": (*BASE, "catalog", "checks"),
    "metrics": (*BASE, "catalog", "chain"),
    "outlook": (*BASE, "catalog", "metrics"),
    "note": (*BASE, "catalog", "metrics", "outlook"),
    "desk": (
        *BASE,
        "catalog",
        "chain",
        "checks",
        "archive",
        "sources",
        "store",
        "metrics",
        "outlook",
        "note",
    ),
    "publishing": (*BASE, "catalog", "desk", "note"),
    "cli": (*BASE, "catalog", "sources.registry", "desk", "publishing", "note.model", "note.format"),
    "web": (*BASE, "catalog", "desk", "publishing", "note.model", "note.format"),
    "__main__": ("cli",),
}
"""Part of the package -> the other parts it may import."""

OUTSIDE_WORLD = {
    "asyncio", "glob", "http", "httpx", "io", "logging", "os", "pathlib", "random", "requests", "shutil", "socket",
    "sqlite3", "subprocess", "sys", "tempfile", "threading", "time", "urllib",
}  # fmt: skip
"""Modules through which a calculation could read, write, wait or depend on the machine."""

FORBIDDEN_CALLS = {"open", "print", "input", "exec", "eval", "now", "today", "utcnow", "read_parquet", "read_csv"}

MODULES = sorted(PACKAGE.rglob("*.py"))


def dotted(path: Path) -> str:
    """Name inside the package: ``note.model``; the package itself is empty."""
    parts = list(path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def part(module: str) -> str:
    """Row of the table that a module belongs to."""
    return module.split(".")[0]


def imported(tree: ast.AST, module: str) -> set[str]:
    """Everything that a module imports, wherever the statement stands, as absolute names."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import on line {node.lineno}"
            source = node.module or ""
            # `from hashdesk.note import model` names a module, `from hashdesk.errors import InputError` does not.
            names.update(f"{source}.{alias.name}" if is_package(source) else source for alias in node.names)
    return names


def is_package(name: str) -> bool:
    return name == "hashdesk" or (PACKAGE / Path(*name.split(".")[1:])).is_dir()


def breaches(module: str, tree: ast.AST) -> list[str]:
    """Imports of a module that the table does not allow."""
    own = part(module)
    found = []
    for name in sorted(imported(tree, module)):
        if not name.startswith("hashdesk."):
            continue
        target = name.removeprefix("hashdesk.")
        if target.startswith("__") or part(target) == own:
            continue
        allowed = MAY_IMPORT[own]
        if not any(target == entry or target.startswith(f"{entry}.") for entry in allowed):
            found.append(f"{module} imports {target}")
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: dotted(path) or "hashdesk")
def test_module_imports_only_what_its_part_may(path: Path) -> None:
    module = dotted(path)
    if not module:
        return  # The package's front door names everything public, and loads it on first use.
    assert part(module) in MAY_IMPORT, f"{module} belongs to no part of docs/architecture.md"
    assert breaches(module, ast.parse(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "path", [path for path in MODULES if part(dotted(path)) in CALCULATION], ids=lambda path: dotted(path)
)
def test_calculation_never_touches_the_outside_world(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    roots = {name.split(".")[0] for name in imported(tree, dotted(path))}
    called = {
        node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute)
    }
    assert roots & OUTSIDE_WORLD == set()
    assert called & FORBIDDEN_CALLS == set()


def test_a_breach_is_found() -> None:
    tree = ast.parse("def f():\n    from hashdesk.store.pack import ReferencePack\n    import hashdesk.desk\n")
    assert breaches("metrics.hashrate", tree) == [
        "metrics.hashrate imports desk",
        "metrics.hashrate imports store.pack",
    ]
    assert breaches("cli", ast.parse("from hashdesk.note import html")) == ["cli imports note.html"]
    assert breaches("desk", tree) == []


def test_tests_cannot_reach_the_network_either() -> None:
    with pytest.raises(SocketBlockedError):
        socket.create_connection(("127.0.0.1", 9))


def test_no_module_is_too_long_for_one_sitting() -> None:
    lengths = {dotted(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: n for name, n in lengths.items() if n > 450} == {}
