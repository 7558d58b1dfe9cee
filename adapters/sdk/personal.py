"""The last look before personal data leaves: a body may hold only the fields that the manifest declares. Pure.

An adapter is handed only what is declared and consented to; this guard catches what slips in by another way. It knows a
field by its name (in the spellings partner APIs use) and an e-mail address by its form.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from adapters.sdk.calls import PartnerCall
from adapters.sdk.errors import ProtocolError
from adapters.sdk.xml_codec import decode_xml, texts

NAMES = {
    "email": "email",
    "emailaddress": "email",
    "phone": "phone",
    "phonenumber": "phone",
    "mobile": "phone",
    "telephone": "phone",
    "givenname": "given_name",
    "firstname": "given_name",
    "familyname": "family_name",
    "lastname": "family_name",
    "surname": "family_name",
    "fullname": "full_name",
    "dateofbirth": "birth_date",
    "birthdate": "birth_date",
    "birthday": "birth_date",
    "idnumber": "id_number",
    "nationalid": "id_number",
    "passport": "passport_number",
    "passportnumber": "passport_number",
    "gender": "gender",
    "nationality": "nationality",
}
"""Spelling without case, ``_`` and ``-``, to our name of the field."""

_EMAIL = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+")


def undeclared_field(call: PartnerCall, declared: Collection[str]) -> str | None:
    """Name the first personal field in a call's query or body that is not declared, or None."""
    for name, value in _pairs(call):
        field = NAMES.get(re.sub(r"[_\-]", "", name).lower())
        if field is None and isinstance(value, str) and _EMAIL.search(value):
            field = "email"
        if field is not None and value not in (None, "") and field not in declared:
            return field
    return None


def _pairs(call: PartnerCall) -> Iterator[tuple[str, Any]]:
    yield from call.query
    yield from parse_qsl(urlsplit(call.path).query)
    yield ("", urlsplit(call.path).path)
    if not call.body:
        return
    if call.content_type.startswith("application/x-www-form-urlencoded"):
        yield from parse_qsl(call.body.decode("utf-8", "replace"))
        return
    if "xml" in call.content_type:
        yield from _xml_pairs(call.body)
        return
    try:
        document = msgspec.json.decode(call.body)
    except (msgspec.DecodeError, RecursionError):
        yield ("", call.body.decode("utf-8", "replace"))
        return
    yield from _walk("", document)


def _xml_pairs(body: bytes) -> Iterator[tuple[str, Any]]:
    try:
        yield from texts(decode_xml(body))
    except ProtocolError:
        yield ("", body.decode("utf-8", "replace"))


def _walk(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    yield name, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(key, item)
    elif isinstance(value, list):
        for item in value:
            yield from _walk(name, item)
