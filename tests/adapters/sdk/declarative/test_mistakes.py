"""Every mistake in a mapping is refused when it is loaded: with file, line, key and what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sdk.declarative.compiling import compile_mapping
from adapters.sdk.errors import ManifestError
from adapters.sdk.manifest import read_manifest
from adapters.sdk.registry import discover
from tests.adapters.sdk.declarative.subject import EXAMPLES

FOLDER = EXAMPLES / "harbour_lounge"
MAPPING = (FOLDER / "mapping.toml").read_text(encoding="utf-8")
MANIFEST = (FOLDER / "manifest.toml").read_text(encoding="utf-8")

EXAMPLE = read_manifest(FOLDER / "manifest.toml")
LINES = MAPPING.splitlines()
JUNK = [
    None, '""', '"{"', "[]", "{}", "-5", "true", "1.5", "2026-01-01", '"x y"', "[1]", "{ a = { b = 1 } }", '"{key}"',
    '"/{key?}"', "{ status = 200 }", '[{ status = [], outcome = "ok" }]', '"[0]"', '{ "a.b" = "c" }', '{ "" = "x" }',
    "[",
]  # fmt: skip

MISTAKES = {
    "not_toml": ('service = "visit"', "service = visit", "not TOML"),
    "unknown_key": ('token = "id"', 'token = "id"\ncolour = "red"', "colour"),
    "unknown_service": ('service = "visit"', 'service = "massage"', "massage"),
    "unknown_method": ('method = "PUT"', 'method = "FETCH"', "FETCH"),
    "unknown_outcome": ('codes = ["cancelled"], outcome = "no"', 'codes = ["cancelled"], outcome = "maybe"', "maybe"),
    "unknown_field": ('"{offer_token}"', '"{offer}"', "{offer} is not a field here; there are"),
    "field_of_another_call": ("{partner_tier?}", "{key}", "{key} is not a field here"),
    "code_in_a_template": ("{currency}", "{currency.__class__}", "is not a field here"),
    "expression": ("{currency}", "{currency + 1}", "is not a field; write a name"),
    "open_brace": ("{currency}", "{currency", "brace without its partner"),
    "way_of_writing": ("{requested_at}", "{requested_at|upper}", "cannot be written so"),
    "never_empty": ("{currency}", "{currency?}", "is never empty"),
    "personal": ('"{offer_token}"', '"{traveller.email}"', "add 'email' to the manifest's personal_fields"),
    "carried_from_nowhere": ('"{offer_token}"', '"{carried.hold}"', "{carried.hold} is not a field here"),
    "relative_path": ('"/v1/offers"', '"v1/offers"', "a path begins with one /"),
    "other_host": ('"/v1/offers"', '"//elsewhere/offers"', "a path begins with one /"),
    "path_with_query": ('"/v1/offers"', '"/v1/offers?x=1"', "has no query"),
    "dotted_path": ('"/v1/offers"', '"/v1/../admin"', "dots"),
    "optional_in_path": ('"/v1/offers"', '"/v1/{partner_tier?}"', "a path cannot leave a part out"),
    "body_of_a_get": ('method = "GET"', 'method = "GET"\nbody = { a = "b" }', "a GET has no body"),
    "own_auth_header": ('token = "id"', 'token = "id"\nheaders.Authorization = "x"', "auth stands in the manifest"),
    "float_in_body": ('currency = "{currency}", tier', "currency = 1.5, tier", "write it as a text in quotes"),
    "deep_form": ('token = "id"', 'token = "id"\nencoding = "form"', "a form is flat"),
    "bad_answer_path": ('token = "id"', 'token = "id["', "is no path into an answer"),
    "echo_of_no_field": ('offer_token = "offer"', 'offer_tokens = "offer"', "offer_tokens is not a field here"),
    "echo_to_no_path": ('offer_token = "offer"', 'offer_token = "a b"', "is no path into an answer"),
    "redirect_status": ("{ status = 404, codes = [\"unknown", "{ status = 302, codes = [\"unknown", "no final answer"),
    "granted_by_refusal": ('status = [200, 201], codes = ["res', 'status = [409], codes = ["res', "grants nothing"),
    "listed_twice": ('codes = ["cancelled"], outcome = "no"', 'codes = ["used"], outcome = "no"', "listed twice"),
    "no_status": ("{ status = 404, codes = [\"unknown", "{ status = [], codes = [\"unknown", "no status is listed"),
    "not_sent": ('["unauthenticated"], outcome = "busy"', '["u"], outcome = "not_sent"', "no answer proves not_sent"),
    "busy_that_is_not": ('["unauthenticated"], outcome = "busy"', '["u"], outcome = "no"', 'write outcome = "busy"'),
    "no_code_path": ('error_code = "error.code"', 'error_code = ""', "nothing says where they stand"),
    "never_ok": ('[{ status = 200, outcome = "ok" }]', '[{ status = 200, outcome = "no" }]', "no answer is ok"),
    "never_issued": ('codes = ["reserved", "used"], means = "issued"', 'means = "unknown"', "no answer means issued"),
    "endless_offer": ('expires_at = "expires_at"\n', "", "either expires_at or expires_after_seconds"),
    "two_ends": ('token = "id"', 'token = "id"\nexpires_after_seconds = 60', "either expires_at or"),
    "untitled": ('title = "title"\n', "", "an offer has a title"),
    "half_a_price": ('price = { amount = "price.amount", currency = "price.currency" }\nexp',
                     'price = { currency = "price.currency" }\nexp', "either amount or minor_units"),
    "half_a_refund": ('refund = { amount = "refund.amount", currency = "refund.currency" }\nanswers = [\n',
                      'refund = { currency = "refund.currency" }\nanswers = [\n', "either amount or minor_units"),
    "no_commit": ("commit = true", "commit = false", "exactly one step grants"),
    "name_taken": ('name = "reserve"', 'name = "fence"', "is taken or no name"),
    "unbelieved": ("commit = true", "commit = true\necho = {}", "a grant is believed only when it repeats"),
    "key_unsent": ('"/v1/reservations/{key}"\nbody.offer', '"/v1/reservations"\nbody.offer', "no {key} is sent"),
    "look_up_without_key": ('"/v1/reservations/{key}"\nreference = "reference"\ncarry',
                            '"/v1/reservations"\nreference = "reference"\ncarry', "neither {key} nor"),
    "carried_by_a_lost_answer": ('"/v1/reservations/{key}"\nreference = "reference"\ncarry',
                                 '"/v1/x/{carried.guests}"\nreference = "reference"\ncarry', "is not a field here"),
    "no_reference": ('reference = "reference"\nanswers = [\n    { status = [200, 201]',
                     "answers = [\n    { status = [200, 201]", "a cancel names the partner's reference"),
    "no_such_hook": ('token = "id"', 'token = "id"\njudge = "read_it"', "there is no hooks.py"),
    "no_such_zone": ('service = "visit"', 'service = "visit"\ntime_zone = "Mars/Base"', "is no time zone"),
    "undeclared_section": ("[fence]", '[usage]\nmethod = "GET"\npath = "/u/{partner_account}"\nuses = "u"\n'
                           'place = "p"\nused_at = "a"\nguests = "g"\nanswers = [{ status = 200, outcome = "ok" }]\n'
                           "[fence]", "declare the capability reports_usage"),
    "statement_of_no_day": ("/v1/statements/{date}", "/v1/statements/{day}", "names the day once, as {date}"),
    "statement_elsewhere": ("/v1/statements/{date}", "//elsewhere/{date}", "names the day once, as {date}"),
    "missing_section": ("statement = {", "options = {", "the manifest declares reports_statements"),
    "service_of_offer": ('token = "id"', 'token = "id"\nservice = { hotel = "h" }', "no text or number of a visit"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_it_is_refused_with_line_and_remedy(tmp_path: Path, name: str) -> None:
    before, after, told = MISTAKES[name]
    assert before in MAPPING
    text = MAPPING.replace(before, after, 1)
    manifest = read_manifest(FOLDER / "manifest.toml")
    with pytest.raises(ManifestError) as refused:
        compile_mapping("mapping.toml", text, manifest)
    message = refused.value.message
    assert told in message
    if name == "not_toml":
        return
    numbered = {int(line) for line in re.findall(r"mapping\.toml, line (\d+): ", message)}
    assert numbered
    if name not in {"missing_section"}:
        first = text[: _changed(text)].count("\n") + 1
        assert any(abs(line - first) <= 12 for line in numbered), (first, message)


@pytest.mark.parametrize("section", ["look_up", "fence"])
def test_what_only_the_lost_answer_told_cannot_be_asked_by(section: str) -> None:
    """The case in which a look-up is needed is the one in which the commit's answer was lost."""
    text = MAPPING.replace("commit = true", 'commit = true\ncarry = { booking = "id" }')
    begun = text.index(f"[{section}]")
    text = text[:begun] + text[begun:].replace("/{key}", "/{key}/{carried.booking}", 1)
    with pytest.raises(ManifestError, match=re.escape(f"{section}.path: {{carried.booking}} is not a field here")):
        compile_mapping("mapping.toml", text, read_manifest(FOLDER / "manifest.toml"))
    cancel = text.replace("/{key}/{carried.booking}", "/{key}").replace("/cancel", "/cancel/{carried.booking}")
    assert "cancel" in compile_mapping("mapping.toml", cancel, read_manifest(FOLDER / "manifest.toml")).calls


@given(st.lists(st.tuples(st.integers(0, len(LINES) - 1), st.sampled_from(JUNK)), min_size=1, max_size=3))
def test_whatever_is_written_is_taken_or_refused_in_words(changes: list[tuple[int, str | None]]) -> None:
    lines: list[str] = list(LINES)
    for number, junk in changes:
        name = lines[number].partition("=")[0]
        lines[number] = "" if junk is None else f"{name}= {junk}" if "=" in lines[number] else junk
    told = "line"
    try:
        compile_mapping("mapping.toml", "\n".join(lines), EXAMPLE)
    except ManifestError as error:
        told = error.message
    assert "line" in told


def _changed(text: str) -> int:
    return next((at for at, (one, other) in enumerate(zip(MAPPING, text, strict=False)) if one != other), 0)


def test_the_line_is_the_mistakes_own() -> None:
    text = MAPPING.replace('"{offer_token}"', '"{offer}"').replace('token = "id"', 'token = "id["')
    with pytest.raises(ManifestError) as refused:
        compile_mapping("m.toml", text, read_manifest(FOLDER / "manifest.toml"))
    lines = text.splitlines()
    wanted = [number for number, line in enumerate(lines, 1) if "id[" in line or "{offer}" in line]
    assert re.findall(r"m\.toml, line (\d+): (\S+):", refused.value.message) == [
        (str(wanted[0]), "quote.token"), (str(wanted[1]), "steps[0].body.offer"),
    ]  # fmt: skip
    assert refused.value.facts["line"] == wanted[0]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('auth = "oauth2_client_credentials"', 'auth = "smile"', "write one of api_key"),
        (', client_secret = "secret"', "", "needs the credential client_secret"),
        ('"reports_statements"]', '"reports_statements", "reports_usage"]', "declares reports_usage; add [usage]"),
        ('"fences", ', "", "declare the capability fences in the manifest"),
    ],
)
def test_mistakes_of_the_manifest_are_told_too(tmp_path: Path, before: str, after: str, told: str) -> None:
    assert before in MANIFEST
    path = tmp_path / "manifest.toml"
    path.write_text(MANIFEST.replace(before, after), encoding="utf-8")
    with pytest.raises(ManifestError, match=re.escape(told)):
        compile_mapping("mapping.toml", MAPPING, read_manifest(path))


def test_a_broken_folder_is_set_aside_and_the_others_stand(tmp_path: Path) -> None:
    folder = tmp_path / "harbour_lounge"
    folder.mkdir()
    (folder / "manifest.toml").write_text(MANIFEST, encoding="utf-8")
    (folder / "mapping.toml").write_text(MAPPING.replace("{currency}", "{colour}"), encoding="utf-8")
    found = discover([tmp_path])
    assert "{colour} is not a field here" in found.problems["harbour_lounge"]
    assert "direct" in found.packages


def test_functions_of_hooks_are_found_or_refused(tmp_path: Path) -> None:
    folder = tmp_path / "harbour_lounge"
    folder.mkdir()
    (folder / "manifest.toml").write_text(MANIFEST, encoding="utf-8")
    (folder / "mapping.toml").write_text(MAPPING.replace("commit = true", 'commit = true\njudge = "judge"'), "utf-8")
    (folder / "hooks.py").write_text("def other(request, answer, result):\n    return result\n", encoding="utf-8")
    assert "hooks.py has no such function" in discover([tmp_path]).problems["harbour_lounge"]
    (folder / "hooks.py").write_text("from nowhere_at_all import x\n", encoding="utf-8")
    assert "ModuleNotFoundError" in discover([tmp_path]).problems["harbour_lounge"]
    (folder / "hooks.py").write_text("def judge(request, answer, result):\n    return result\n", encoding="utf-8")
    assert discover([tmp_path]).problems == {}
