"""Strict XML: what is read, what is refused before it costs anything, and that what is written is read again."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sdk.calls import PartnerCall
from adapters.sdk.errors import ProtocolError
from adapters.sdk.personal import undeclared_field
from adapters.sdk.xml_codec import (
    ATTRIBUTE_LIMIT,
    CONTENT_TYPE,
    DEPTH_LIMIT,
    NODE_LIMIT,
    TEXT_LIMIT,
    Element,
    decode_xml,
    encode_xml,
)
from catalogue.values import Money

BOMB = b'<!DOCTYPE a [<!ENTITY x "lol"><!ENTITY y "&x;&x;&x;&x;&x;"><!ENTITY z "&y;&y;&y;&y;&y;">]><a>&z;</a>'

REFUSED = {
    "entities that multiply": BOMB,
    "a document type": b"<!DOCTYPE a><a/>",
    "an external document type": b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
    "an external entity": b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "a parameter entity": b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:1/x">%x;]><a/>',
    "an unknown entity": b"<a>&nobody;</a>",
    "an instruction": b"<a><?php x?></a>",
    "a style sheet": b'<?xml-stylesheet href="x"?><a/>',
    "another encoding": '<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>'.encode("latin-1"),
    "UTF-16": '<?xml version="1.0" encoding="UTF-16"?><a/>'.encode("utf-16"),
    "UTF-7": b'<?xml version="1.0" encoding="UTF-7"?><a>+ADw-</a>',
    "broken UTF-8": b"<a>\xff</a>",
    "an overlong form": b"<a>\xc0\xbc</a>",
    "NUL": b"<a>\x00</a>",
    "a control character by number": b"<a>&#1;</a>",
    "an attribute twice": b'<a x="1" x="2"/>',
    "an attribute twice by namespace": b'<a xmlns:p="u" xmlns:q="u" p:x="1" q:x="2"/>',
    "a prefix of nothing": b"<p:a/>",
    "two documents": b"<a/><a/>",
    "half a document": b"<a><b></b>",
    "crossing elements": b"<a><b></a></b>",
    "text beside elements": b"<a>1<b/>2</a>",
    "text behind": b"<a/>x",
    "depth": b"<a>" * (DEPTH_LIMIT + 1) + b"</a>" * (DEPTH_LIMIT + 1),
    "width": b"<a>" + b"<b/>" * NODE_LIMIT + b"</a>",
    "attributes": b"<a " + b" ".join(b'x%d="1"' % number for number in range(ATTRIBUTE_LIMIT + 1)) + b"/>",
    "a long text": b"<a>" + b"x" * (TEXT_LIMIT + 1) + b"</a>",
    "a long attribute": b'<a x="' + b"x" * (TEXT_LIMIT + 1) + b'"/>',
    "nothing": b"",
    "JSON": b'{"a": 1}',
    "HTML": b"<!doctype html><title>Maintenance</title><p>Back soon.",
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_it_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolError) as refused:
        decode_xml(body)
    assert "passwd" not in refused.value.message
    assert "&" not in refused.value.message


def test_the_limits_themselves_are_allowed() -> None:
    assert decode_xml(b"<a>" * DEPTH_LIMIT + b"</a>" * DEPTH_LIMIT).name == "a"
    assert len(decode_xml(b"<a>" + b"<b/>" * (NODE_LIMIT - 1) + b"</a>").children) == NODE_LIMIT - 1
    assert len(decode_xml(b"<a>" + b"x" * TEXT_LIMIT + b"</a>").text) == TEXT_LIMIT


def test_names_carry_their_namespace_whatever_the_prefix() -> None:
    one = decode_xml(b'<a xmlns="urn:x" xmlns:l="urn:l" l:href="h"><b k="v">t</b></a>')
    other = decode_xml(b'<q:a xmlns:q="urn:x" xmlns:m="urn:l" m:href="h"><q:b k="v"> t <!-- c --></q:b></q:a>')
    assert one == other
    assert (one.name, one.attributes) == ("{urn:x}a", {"{urn:l}href": "h"})
    assert one.one("{urn:x}b").text == "t"
    with pytest.raises(ProtocolError, match="another document"):
        decode_xml(b"<a/>", "{urn:x}a")


class Colour(StrEnum):
    RED = "Red"


def test_values_are_read_from_texts() -> None:
    node = decode_xml(b'<a n="7" t="Red" m="12.50" c="CNY" at="2026-11-22T04:00:00+08:00" local="2026-11-22T04:00"/>')
    assert node.integer("n") == 7
    assert node.word("t", Colour) is Colour.RED
    assert node.money("m", "c") == Money(1250, "CNY")
    assert node.instant("at") == datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
    assert node.instant("local", "Asia/Shanghai") == datetime(2026, 11, 21, 20, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "body",
    [b'<a n="7.0"/>', b'<a n=" "/>', b"<a/>", b'<a n="0x7"/>', b'<a n="1e3"/>'],
)
def test_what_is_no_integer_is_none(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_xml(body).integer("n")


@pytest.mark.parametrize("body", [b'<a m="1.234" c="CNY"/>', b'<a m="1,00" c="CNY"/>', b'<a m="1" c="XXQ"/>', b"<a/>"])
def test_what_is_no_money_is_none(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_xml(body).money("m", "c")


def test_a_word_that_is_not_documented_and_a_child_too_many_are_refused() -> None:
    with pytest.raises(ProtocolError, match="not documented"):
        decode_xml(b'<a t="Blue"/>').word("t", Colour)
    twice = decode_xml(b"<a><b/><b/></a>")
    with pytest.raises(ProtocolError, match="more than once"):
        twice.one("b")
    with pytest.raises(ProtocolError, match="missing"):
        twice.one("c")
    assert twice.find("c") is None
    with pytest.raises(ProtocolError, match="offset"):
        decode_xml(b'<a at="2026-11-22T04:00:00"/>').instant("at")


NAMES = st.sampled_from(["a", "{urn:x}b", "{urn:y}c"])
PLAIN = st.text(st.characters(min_codepoint=32, max_codepoint=0xD7FF), max_size=12).map(str.strip)
ELEMENTS = st.recursive(
    st.builds(lambda name, values, text: Element(name=name, attributes=values, text=text), NAMES,
              st.dictionaries(st.sampled_from(["k", "{urn:y}l"]), PLAIN), PLAIN),
    lambda inner: st.builds(lambda name, children: Element(name=name, children=children), NAMES,
                            st.lists(inner, min_size=1, max_size=3)),
    max_leaves=6,
)  # fmt: skip


@given(ELEMENTS)
def test_what_is_written_is_read_again(element: Element) -> None:
    root = Element(name="{urn:r}root", children=[element])
    prefixes = {"urn:x": "x", "urn:y": "y"}
    if any(name == "a" for name in _names(element)):
        with pytest.raises(ProtocolError, match="without a prefix"):
            encode_xml(root, prefixes=prefixes)
        return
    assert decode_xml(encode_xml(root, prefixes=prefixes)) == root


def _names(element: Element) -> list[str]:
    return [element.name, *(name for child in element.children for name in _names(child))]


@pytest.mark.parametrize("text", ["\x00", "\x0b", "\ufffe"])
def test_what_xml_cannot_hold_is_not_written(text: str) -> None:
    with pytest.raises(ProtocolError):
        encode_xml(Element(name="a", text=text))
    with pytest.raises(ProtocolError):
        encode_xml(Element(name="a b"))


@pytest.mark.parametrize(
    ("element", "field"),
    [
        (Element(name="Surname", text="Liu"), "family_name"),
        (Element(name="a", attributes={"BirthDate": "1990-01-01"}), "birth_date"),
        (Element(name="a", children=[Element(name="Note", text="liu@example.com")]), "email"),
        (Element(name="a", children=[Element(name="Note", text="nothing")]), None),
    ],
)
def test_personal_fields_are_seen_in_xml(element: Element, field: str | None) -> None:
    call = PartnerCall(operation="x", method="POST", path="/", body=encode_xml(element), content_type=CONTENT_TYPE)
    assert undeclared_field(call, ()) == field
    assert field is None or undeclared_field(call, (field,)) is None
