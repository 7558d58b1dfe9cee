"""Rules about the package itself: its manifest, its documents, its fixtures. Nothing is run for them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from adapters.sdk.auth_schemes import CREDENTIALS
from adapters.sdk.manifest import Manifest, Profile
from adapters.sdk.registry import AdapterPackage
from adapters.sdk.testing.rules.rule import RuleBrokenError, require, require_none
from config.files import read_toml

LIMITS = ("deadline_seconds", "body_cap_bytes", "concurrency", "queue")
LIMITS_OF_WRITES = ("validity_seconds", "processing_seconds", "cancel_deadline_seconds")
SECRET_NAME = re.compile(r"(?i)(secret|password|private|token|^api_key$|mac_key)")
DATED = re.compile(r"20\d\d-[01]\d-[0-3]\d")
CUT_OFF = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
EMAIL = re.compile(r"[\w.+-]+@([\w-]+\.)+[a-z]{2,}")
DECIDED_BY_FILE = {Profile.C, Profile.E, Profile.G}


def manifest_valid(package: AdapterPackage) -> None:
    """Every fact of the manifest fits every other."""
    require_none([*_key_faults(package.manifest), *_section_faults(package.manifest)])


def secrets_typed(package: AdapterPackage) -> None:
    """The scheme's credentials are declared, and those that prove who we are are typed secret."""
    manifest = package.manifest
    scheme = CREDENTIALS.get(manifest.auth)
    if scheme is None:
        raise RuleBrokenError(f"auth {manifest.auth!r} is no scheme of the SDK ({', '.join(sorted(CREDENTIALS))})")
    faults = [
        f"{name} is not declared; {manifest.auth} needs it" for name in scheme if name not in manifest.credentials
    ]
    for name, kind in manifest.credentials.items():
        if kind != "secret" and (scheme.get(name) == "secret" or SECRET_NAME.search(name)):
            faults.append(f"{name} is typed {kind!r}, so that it may be printed")
    require_none(faults)


def limits_declared(package: AdapterPackage) -> None:
    """The limits are the author's own decision: each stands in the manifest and is a sensible figure."""
    limits = package.manifest.limits
    given = read_toml(package.folder / "manifest.toml").get("limits", {})
    wanted = LIMITS + (LIMITS_OF_WRITES if "reserves" in package.manifest.capabilities else ())
    faults = [f"[limits] does not give {name}" for name in wanted if name not in given]
    faults += [f"{name} is not above zero" for name in wanted if name != "queue" and getattr(limits, name) <= 0]
    if limits.deadline_seconds > 120:
        faults.append(f"a deadline of {limits.deadline_seconds:g} s outlasts every caller")
    require_none(faults)


def unknowns_end(package: AdapterPackage) -> None:
    """Where neither fence nor window ends an unknown outcome, the partner's file can."""
    manifest = package.manifest
    ends = manifest.profile not in DECIDED_BY_FILE or "reports_statements" in manifest.capabilities
    require(ends, f"profile {manifest.profile} ends unknown outcomes by the partner's file, and none is declared")


def documented(package: AdapterPackage) -> None:
    """An operator finds a README that names the profile, and dated sources."""
    readme = package.folder / "README.md"
    require(readme.is_file(), "there is no README.md")
    text = readme.read_text(encoding="utf-8", errors="replace")
    profile = package.manifest.profile
    faults = []
    if len(text) < 400:
        faults.append("README.md is shorter than 400 characters")
    if not re.search(rf"[Pp]rofile\W{{1,4}}{profile}\b", text):
        faults.append(f"README.md does not say that the profile is {profile}")
    if not package.manifest.sources:
        faults.append("the manifest names no source")
    faults += [
        f"no day of reading in the source {source!r}" for source in package.manifest.sources if not DATED.search(source)
    ]
    require_none(faults)


def fixtures_sourced(package: AdapterPackage) -> None:
    """Recorded conditions lie beside the adapter; each says where it comes from and holds nobody's data."""
    files = sorted((package.folder / "fixtures").glob("*.json"))
    require(bool(files), "there is no fixture (fixtures/*.json)")
    require_none([fault for path in files for fault in _fixture_faults(path)])


def _fixture_faults(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        document = json.loads(text)
    except ValueError:
        yield f"{path.name} is not JSON"
        return
    if not isinstance(document, dict) or not str(document.get("source") or "").strip():
        yield f"{path.name} names no source"
    for address in EMAIL.finditer(text):
        if ".example" not in address[0] and "@example." not in address[0]:
            yield f"{path.name} holds an e-mail address that is not of an example domain"


def _key_faults(manifest: Manifest) -> Iterator[str]:
    key, facts = manifest.facts.key, manifest.facts
    if key.field and not 0 < max(key.min_length, 1) <= key.max_length:
        yield f"facts.key: {key.min_length} to {key.max_length} characters hold no key"
    if key.field and key.max_length and len(key.alphabet or "x" * 36) ** key.max_length < 2**80:
        yield "facts.key: the field is too small for a key that cannot collide"
    if not key.field and facts.on_repeat != "again" and not facts.issues_nothing:
        yield f"facts.on_repeat is {facts.on_repeat!r}, and without facts.key.field no repeat can be known"
    if not key.field:
        for capability in sorted({"looks_up", "fences"} & set(manifest.capabilities)):
            yield f"{capability} is by our key, and facts.key.field is empty"
    if facts.look_up_staleness_seconds < 0:
        yield "facts.look_up_staleness_seconds is below zero"


def _section_faults(manifest: Manifest) -> Iterator[str]:
    declared = set(manifest.capabilities)
    if not declared or len(declared) != len(manifest.capabilities):
        yield "capabilities: none, or one twice"
    if bool(manifest.webhook_scheme) != ("receives_webhooks" in declared):
        yield "webhook_scheme and the capability receives_webhooks go together"
    if (manifest.statement is not None) != ("reports_statements" in declared):
        yield "[statement] and the capability reports_statements go together"
    if bool(manifest.personal_fields) != bool(manifest.purpose):
        yield "personal_fields and their purpose go together"
    if manifest.statement is not None:
        if not CUT_OFF.fullmatch(manifest.statement.cut_off):
            yield "statement.cut_off is not of the form hh:mm"
        try:
            ZoneInfo(manifest.statement.time_zone)
        except (ZoneInfoNotFoundError, ValueError):
            yield f"statement.time_zone {manifest.statement.time_zone!r} is no time zone"
