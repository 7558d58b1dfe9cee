"""What is put into a template stays a value: whatever a member or partner wrote, the request keeps its form."""

from __future__ import annotations

import json
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sdk.declarative.compiled import Request
from adapters.sdk.declarative.fields import Known
from adapters.sdk.declarative.requests import UnsendableError, make_call
from adapters.sdk.declarative.templates import Field, TemplateError, parse_template, render

ZONE = ZoneInfo("UTC")
KNOWN = {"key": Known("text"), "service.guests": Known("integer"), "tier": Known("text", may_be_empty=True)}
TEXTS = st.text(max_size=30)


def request(path: str = "/a/{key}/b") -> Request:
    return Request(
        operation="x", method="POST", path=parse_template(path, KNOWN), query=(("q", parse_template("{key}", KNOWN)),),
        headers=(), body={"text": parse_template("{key}", KNOWN), "{key}": 1}, encoding="json", prepare=None,
    )  # fmt: skip


@given(TEXTS)
def test_a_value_is_one_segment_of_a_path_and_one_text_of_a_body(text: str) -> None:
    if text in ("", ".", ".."):
        with pytest.raises(UnsendableError):
            make_call(request(), {"key": text}, ZONE)
        return
    call = make_call(request(), {"key": text}, ZONE)
    first, second, last = call.path.removeprefix("/").split("/")
    assert (first, unquote(second), last) == ("a", text, "b")
    assert not set(second) & set("/?#\\ \r\n{}")
    assert json.loads(call.body or b"") == {"text": text, "{key}": 1}
    assert call.query == (("q", text),)


@given(TEXTS)
def test_a_value_that_looks_like_a_template_is_none(text: str) -> None:
    assert render(parse_template("<{key}>", KNOWN), {"key": "{service.guests}" + text}, ZONE) == (
        "<{service.guests}" + text + ">"
    )


@given(st.text(max_size=20))
def test_whatever_is_written_is_a_template_or_refused_with_a_reason(text: str) -> None:
    told = ""
    try:
        named = {field.name for field in parse_template(text, KNOWN).fields}
    except TemplateError as error:
        named, told = set(), str(error)
    assert named <= KNOWN.keys()
    assert not told or len(told) > 20


def test_a_template_is_its_texts_and_fields() -> None:
    template = parse_template("a{{b}}{key|upper}{tier?}", KNOWN)
    assert template.fields == (Field("key", written="upper"), Field("tier", optional=True))
    assert render(template, {"key": "x", "tier": "gold"}, ZONE) == "a{b}Xgold"
    assert render(template, {"key": "x", "tier": None}, ZONE) is None
    assert render(parse_template("{service.guests}", KNOWN), {"service.guests": 2}, ZONE) == 2
    assert render(parse_template("{service.guests|text}", KNOWN), {"service.guests": 2}, ZONE) == "2"
