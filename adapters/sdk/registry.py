"""Finds adapters: bundled folders, folders named in settings, entry points. A broken one is set aside by name.

A package is a folder with ``manifest.toml`` and an ``__init__.py`` that has ``create(context) -> object``. Packages in
extra folders import their own modules relatively (``from .mapping import ...``): the import path is not touched. One
with ``mapping.toml`` and no ``__init__.py`` is declarative; `adapters.sdk.declarative` makes its ``create``.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TypeVar, get_type_hints

import msgspec

from adapters.sdk import capabilities
from adapters.sdk.context import AdapterContext
from adapters.sdk.declarative.loading import MAPPING, declared
from adapters.sdk.errors import ManifestError, TooSlowError
from adapters.sdk.manifest import Manifest, read_manifest

_T = TypeVar("_T")

GROUP = "partner_benefits_gateway.adapters"
"""Entry point group; the value is the package module."""
BUNDLED = Path(__file__).parents[1]
EXTERNAL = "partner_benefits_gateway_external"
IMPORT_SECONDS = 5.0
"""How long the import of a package that is not ours, and its ``create``, may take before it is set aside."""
_IMPORTING = "importing it"

_NOTHING: Mapping[str, str] = MappingProxyType({})

PROTOCOLS: dict[str, type] = {
    "quotes_offers": capabilities.QuotesOffers,
    "reserves": capabilities.Reserves,
    "looks_up": capabilities.LooksUp,
    "cancels": capabilities.Cancels,
    "fences": capabilities.Fences,
    "receives_webhooks": capabilities.ReceivesWebhooks,
    "reports_statements": capabilities.ReportsStatements,
    "reports_usage": capabilities.ReportsUsage,
    "links_accounts": capabilities.LinksAccounts,
    "validates_members": capabilities.ValidatesMembers,
    "reports_status": capabilities.ReportsStatus,
    "credits_points": capabilities.CreditsPoints,
    "debits_points": capabilities.DebitsPoints,
    "issues_vouchers": capabilities.IssuesVouchers,
    "grants_status": capabilities.GrantsStatus,
    "searches_offers": capabilities.SearchesOffers,
}
"""Capability as declared, and the protocol that implements it."""


class AdapterPackage(msgspec.Struct, frozen=True, kw_only=True):
    """One adapter that can be used. ``module`` is importable while the process lives (``<module>.simulator`` too)."""

    name: str
    manifest: Manifest
    create: Callable[[AdapterContext], object]
    folder: Path
    module: str

    @property
    def ships(self) -> bool:
        """Whether it is one of ours."""
        return self.folder.is_relative_to(BUNDLED)


class Discovered(msgspec.Struct, frozen=True):
    """What was found: usable packages by name, and why each other one is not usable."""

    packages: dict[str, AdapterPackage]
    problems: dict[str, str]


def discover(
    folders: Iterable[Path] = (), *, bundled: Path = BUNDLED, fatal: Mapping[str, str] = _NOTHING
) -> Discovered:
    """Find every adapter. Nothing an adapter does wrong stops the others or the process.

    Args:
        folders: extra folders, each holding packages (``folders.adapters`` in settings).
        bundled: the folder of our own; tests give another.
        fatal: packages that are not touched, with what is said of them; see `adapters.sdk.probation.deaths`.

    A name that is taken is a problem of the later one: bundled before extra folders before entry points.
    """
    roots = tuple(folders)
    found = Discovered({}, {})
    for root in roots:
        if not root.is_dir():
            found.problems[str(root)] = f"{root}: no such folder; folders.adapters names it."
    for name, load in candidates(roots, bundled=bundled):
        if name in fatal and name not in found.packages:
            found.problems[name] = fatal[name]
        else:
            _take(found, name, load)
    return found


def candidates(
    folders: Iterable[Path] = (), *, bundled: Path = BUNDLED
) -> Iterator[tuple[str, Callable[[], AdapterPackage]]]:
    """Name every adapter that there seems to be, with what loads it; nothing is imported before it is called."""
    for folder in sorted(path.parent for path in bundled.glob("**/manifest.toml")):
        name = ".".join(folder.relative_to(bundled).parts)
        yield name, partial(_bundled, folder, name, bundled)
    for root in folders:
        for folder in sorted(path.parent for path in root.glob("*/manifest.toml")):
            yield folder.name, partial(_external, folder)
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        yield point.name, partial(_installed, point)


def load_named(name: str, folders: Iterable[Path] = ()) -> AdapterPackage:
    """Load one adapter and no other.

    Raises:
        ManifestError: there is none of this name, or it cannot be used; says why.
    """
    loads = [load for found, load in candidates(folders) if found == name]
    if not loads:
        raise ManifestError(f"There is no adapter {name!r}; `gateway adapter list` shows those that there are.")
    if len(loads) > 1 and BUNDLED.joinpath(*name.split("."), "manifest.toml").is_file():
        raise ManifestError(f"{name}: an adapter that ships has this name, and so it is the one used; rename yours.")
    found = Discovered({}, {})
    _take(found, name, loads[0])
    if name in found.problems:
        raise ManifestError(found.problems[name])
    return found.packages[name]


def load_part(package: AdapterPackage, part: str) -> ModuleType | None:
    """Import a module of a package, such as ``simulator`` or ``kit.command``; None when it has no such file."""
    if not package.folder.joinpath(*part.split(".")).with_suffix(".py").is_file():
        return None
    return importlib.import_module(f"{package.module}.{part}")


def check_declared(package: AdapterPackage, adapter: object) -> None:
    """Hold the manifest against what the adapter implements; both must name the same capabilities.

    Raises:
        ManifestError: names the adapter and every capability that is only declared or only implemented.
    """
    implemented = {name for name, protocol in PROTOCOLS.items() if isinstance(adapter, protocol)}
    declared = set(package.manifest.capabilities)
    wrong = [f"{name} is declared and not implemented" for name in sorted(declared - implemented)]
    wrong += [f"{name} is implemented and not declared" for name in sorted(implemented - declared)]
    if isinstance(adapter, capabilities.Reserves) and sum(step.commit for step in adapter.steps) != 1:
        wrong.append("exactly one step must be the commit")
    if ("links_accounts" in declared) != (package.manifest.linking is not None):
        wrong.append("links_accounts and the section [linking] go together")
    if wrong:
        raise ManifestError(f"{package.name}: {'; '.join(wrong)}.")


def _take(found: Discovered, name: str, load: Callable[[], AdapterPackage]) -> None:
    if name in found.packages:
        found.problems[name] = f"{name}: a second adapter has this name; the first is used."
        return
    try:
        found.packages[name] = load()
    except ManifestError as error:
        found.problems[name] = error.message if name in error.message else f"{name}: {error.message}"
    except (Exception, SystemExit) as error:  # noqa: BLE001 - an integrator's package may raise anything on import
        found.problems[name] = f"{name}: importing it raised {type(error).__name__}: {error}."


def _bundled(folder: Path, name: str, bundled: Path) -> AdapterPackage:
    if bundled == BUNDLED:
        return _package(name, folder, lambda: importlib.import_module(f"adapters.{name}"))
    return _external(folder, name)


def _external(folder: Path, name: str | None = None) -> AdapterPackage:
    return _package(name or folder.name, folder, lambda: in_time(lambda: _import_folder(folder), _IMPORTING))


def _installed(point: EntryPoint) -> AdapterPackage:
    module = in_time(point.load, _IMPORTING)
    if not isinstance(module, ModuleType) or module.__file__ is None:
        raise ManifestError(f"{point.name}: its entry point must name the package module.")
    return _package(point.name, Path(module.__file__).parent, lambda: module)


def _package(name: str, folder: Path, load: Callable[[], ModuleType]) -> AdapterPackage:
    manifest = read_manifest(folder / "manifest.toml")
    if manifest.name != name:
        raise ManifestError(f"{folder / 'manifest.toml'}: name is {manifest.name!r} and must be {name!r}.")
    module = load()
    create = getattr(module, "create", None)
    if not callable(create):
        raise ManifestError(f"{folder / '__init__.py'}: create(context) is missing.")
    _check_promised(name, manifest, create)
    return AdapterPackage(name=name, manifest=manifest, create=create, folder=folder, module=module.__name__)


def _check_promised(name: str, manifest: Manifest, create: Callable[..., object]) -> None:
    """Hold the manifest against the class that ``create`` says it answers, where it says so.

    What only the made adapter shows is found by `check_declared` when a partner is connected.
    """
    try:
        promised = get_type_hints(create).get("return")
    except NameError:
        return
    if not isinstance(promised, type) or promised is object:
        return
    for capability in manifest.capabilities:
        methods = [each for each in vars(PROTOCOLS[capability]) if not each.startswith("_")]
        if missing := [each for each in methods if not hasattr(promised, each)]:
            told = f"{name}: {capability} is declared and not implemented: {promised.__name__} has no {missing[0]}"
            raise ManifestError(f"{told}; write it, or take the capability out of the manifest.")


def in_time(work: Callable[[], _T], what: str) -> _T:
    """Run an integrator's code in a thread that is left behind when it does not end: it holds nobody else up.

    Raises:
        TooSlowError: it took longer than `IMPORT_SECONDS`; ``what`` begins the message.
    """
    answer: list[_T] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            answer.append(work())
        except BaseException as error:  # noqa: BLE001 - whatever an integrator's package raises is raised again below
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True, name="an-adapter-is-made")
    thread.start()
    thread.join(IMPORT_SECONDS)
    if raised:
        raise raised[0]
    if not answer:
        # One that waits is left alone; one that computes is told to end at its next step.
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit))
        where = "at import" if what == _IMPORTING else "in create"
        raise TooSlowError(f"{what} took longer than {IMPORT_SECONDS:g} s; do no work {where}.")
    return answer[0]


def _import_folder(folder: Path) -> ModuleType:
    place = sha256(str(folder.resolve()).encode()).hexdigest()[:8]
    name = f"{EXTERNAL}_{folder.name}_{place}".replace("-", "_")
    if name in sys.modules:
        return sys.modules[name]
    if (folder / MAPPING).is_file() and not (folder / "__init__.py").is_file():
        return _declared_folder(folder, name)
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ManifestError(f"{folder}: not a package that can be imported.")
    module = importlib.util.module_from_spec(spec)
    with _registered(name, module):
        spec.loader.exec_module(module)
    return module


def _declared_folder(folder: Path, name: str) -> ModuleType:
    """Make the module that a declarative folder has not: its ``hooks`` and ``simulator`` are found below it."""
    module = ModuleType(name, f"Made of {folder / MAPPING}.")
    module.__path__ = [str(folder)]
    with _registered(name, module):
        hooks = importlib.import_module(f"{name}.hooks") if (folder / "hooks.py").is_file() else None
        module.create = declared(folder, None if hooks is None else vars(hooks))  # type: ignore[attr-defined]
    return module


@contextmanager
def _registered(name: str, module: ModuleType) -> Iterator[None]:
    """Keep a module and those below it only when its body runs to the end."""
    sys.modules[name] = module
    try:
        yield
    except BaseException:
        for each in [known for known in sys.modules if known == name or known.startswith(f"{name}.")]:
            del sys.modules[each]
        raise


def implemented(adapter: object) -> Iterator[str]:
    """Name the capabilities that an adapter implements."""
    return (name for name, protocol in PROTOCOLS.items() if isinstance(adapter, protocol))
