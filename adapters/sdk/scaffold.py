"""Makes a new adapter package: complete, and keeping every rule of the conformance kit as it stands."""

from __future__ import annotations

import json
import keyword
import re
import sys
from collections.abc import Collection
from datetime import date
from pathlib import Path
from string import Template
from typing import Any

import msgspec

from config.errors import ConfigurationError

TEMPLATES = Path(__file__).parent / "templates"
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", re.ASCII)
LONGEST_NAME = 40
OURS = frozenset({"adapters", "catalogue", "config", "gateway", "settlement", "tests"})
IN_PACKAGE = (
    *("__init__.py", "manifest.toml", "adapter.py", "mapping.py", "responses.py", "wire.py", "simulator.py"),
    *("conformance.py", "README.md"),
)


RECORDS = (
    *("CancelResult", "LookUpResult", "Offer", "OfferRequest", "PartnerEvent", "ReservationRequest", "Service"),
    "StepResult",
)
RECORDS_OF_BENCH = ("OfferRequest", "ReservationRequest", "Traveller")


class Segment(msgspec.Struct, frozen=True):
    """What differs between segments: the type of a service, how one is written, an example, the statement's kind."""

    service_type: str
    service_fields: str
    service_sample: str
    datetime_names: str
    kind: str


SEGMENTS = {
    "hotels": Segment(
        "Stay",
        "check_in=service.check_in_date.isoformat() check_out=service.check_out_date.isoformat() "
        'property=service.property_id|"" adults=service.adults',
        'check_in_date=date(2027, 1, 11)|check_out_date=date(2027, 1, 13)|property_id="hotel-1"',
        "date",
        "stay",
    ),
    "rental_cars": Segment(
        "Rental",
        "from=service.pick_up_station to=service.drop_off_station begins=service.pick_up_at.isoformat() "
        "ends=service.drop_off_at.isoformat()",
        'pick_up_station="PVG"|drop_off_station="PVG"|pick_up_at=datetime(2027, 1, 11, 1, 30, tzinfo=UTC)'
        "|drop_off_at=datetime(2027, 1, 13, 9, tzinfo=UTC)",
        "UTC, datetime",
        "rental",
    ),
    "lounges": Segment(
        "Visit",
        "airport=service.airport lounge=service.lounge_id day=service.visit_date.isoformat() guests=service.guests",
        'airport="PVG"|lounge_id="lounge-1"|visit_date=date(2027, 1, 11)|guests=1',
        "date",
        "visit",
    ),
    "airlines": Segment(
        "Mileage",
        "account=service.account miles=service.quantity",
        'account="80012345"|quantity=2000',
        "",
        "mileage",
    ),
    "transfers": Segment(
        "Ride",
        "from=service.pick_up to=service.drop_off begins=service.pick_up_at.isoformat() passengers=service.passengers",
        'pick_up="PVG"|drop_off="The Bund"|pick_up_at=datetime(2027, 1, 11, 1, 30, tzinfo=UTC)',
        "UTC, datetime",
        "ride",
    ),
}


def make_package(name: str, segment: str, into: Path, *, today: date, taken: Collection[str] = ()) -> Path:
    """Write a package named ``name`` into a new folder of that name and answer the folder.

    Args:
        name: of the package and of the adapter.
        segment: one of `SEGMENTS`.
        into: the folder above; made when it is not there.
        today: stands as the day on which the template's API was read.
        taken: names of adapters that there are.

    Raises:
        ConfigurationError: the name is none or is taken, or the folder is there already.
    """
    _require_name(name, taken)
    root = into / name
    if root.exists():
        raise ConfigurationError(f"{root} is there already; give another name, or --into another folder.")
    values = _values(name, segment, today, root)
    for file in IN_PACKAGE:
        _write(root / name / file, _filled(f"{file}.txt", values))
    _write(root / "README.md", f"# {values['title']}\n\nSee `{name}/README.md`.\n")
    _write(root / "pyproject.toml", _filled("pyproject.toml.txt", values))
    _write(root / "tests" / f"test_{name}.py", _filled("proof.py.txt", values))
    for case, document in _fixtures(today).items():
        text = json.dumps(document, indent=2, ensure_ascii=False)
        _write(root / name / "fixtures" / f"{case}.json", text + "\n")
    return root


def _require_name(name: str, taken: Collection[str]) -> None:
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise ConfigurationError(
            f"{name!r} is no name of a package: lower-case letters, digits and single underscores, a letter first, "
            f"{LONGEST_NAME} characters at most."
        )
    if keyword.iskeyword(name) or keyword.issoftkeyword(name) or name in sys.stdlib_module_names or name in OURS:
        raise ConfigurationError(f"{name!r} is a word of Python or of the gateway itself; give another name.")
    if name in taken:
        raise ConfigurationError(f"There is an adapter {name!r} already; give another name.")


def _values(name: str, segment: str, today: date, root: Path) -> dict[str, str]:
    of = SEGMENTS[segment]
    words = name.split("_")
    fields = (pair.partition("=")[::2] for pair in of.service_fields.split(" "))
    return {
        "name": name,
        "dashed": name.replace("_", "-"),
        "title": " ".join(words).capitalize(),
        "class_name": "".join(word.capitalize() for word in words) + "Adapter",
        "segment": segment,
        "today": today.isoformat(),
        "where": str(root),
        "kind": of.kind,
        "service_type": of.service_type,
        "records": "\n".join(f"    {each}," for each in sorted((*RECORDS, of.service_type))),
        "records_of_bench": ", ".join(sorted((*RECORDS_OF_BENCH, of.service_type))),
        "service_fields": "\n".join(f'        "{key}": {value.replace("|", " or ")},' for key, value in fields),
        "service_sample": "\n".join(f"    {part}," for part in of.service_sample.split("|")),
        "datetime_line": f"from datetime import {of.datetime_names}\n" if of.datetime_names else "",
    }


def _filled(template: str, values: dict[str, str]) -> str:
    return Template((TEMPLATES / template).read_text(encoding="utf-8")).substitute(values)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _fixtures(today: date) -> dict[str, dict[str, Any]]:
    """Write one condition of each kind; ``{key}`` and ``{service}`` stand for what a test knows only."""
    price = {"amount": "120.00", "currency": "CNY"}
    held = {"key": "{key}", "status": "confirmed", "id": "B-7", "offer": "O-77", "service": "{service}", "price": price}
    source = f"The example API of the package's template, read {today.isoformat()}"
    feared = "no documentation allows it; a condition we have reason to fear"
    rows: tuple[tuple[str, str, str, int, Any, dict[str, str]], ...] = (
        ("book_confirmed", source, "book", 201, held, {"outcome": "ok", "partner_reference": "B-7"}),
        ("book_sold_out", source, "book", 409, {"error": "sold_out", "key": "{key}"}, {"outcome": "no"}),
        ("book_busy", source, "book", 503, {"error": "busy"}, {"outcome": "busy"}),
        (
            "book_other_key",
            feared,
            "book",
            201,
            held | {"key": "another"},
            {"outcome": "unknown", "code": "wrong_echo"},
        ),
        ("book_unlisted_code", feared, "book", 409, {"error": "moon"}, {"outcome": "unknown"}),
        ("look_up_confirmed", source, "look_up", 200, held, {"answer": "issued"}),
        ("look_up_not_found", source, "look_up", 404, {"error": "not_found", "key": "{key}"}, {"answer": "not_found"}),
        ("look_up_not_found_by_a_proxy", feared, "look_up", 404, {"error": "no_route"}, {"answer": "unknown"}),
        ("cancel_cancelled", source, "cancel", 200, held | {"status": "cancelled"}, {"outcome": "ok"}),
        ("cancel_too_late", source, "cancel", 409, {"error": "too_late", "key": "{key}"}, {"outcome": "no"}),
        ("fence_fenced", source, "fence", 200, {"key": "{key}", "status": "fenced"}, {"outcome": "ok"}),
    )
    return {
        case: {"source": told, "operation": operation, "status": status, "expect": expect, "body": body}
        for case, told, operation, status, body, expect in rows
    }
