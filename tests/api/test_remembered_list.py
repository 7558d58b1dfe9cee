"""The short way to a list of benefits that was asked for before answers what the long way does, and to nobody else."""

from __future__ import annotations

from typing import Any, Never

import pytest

from gateway.controllers import benefits
from gateway.controllers.benefit_list import raw_asked
from gateway.services.benefit_pages import Asked
from gateway.services.benefits import Search
from tests.api.conftest import Stack

TRACE = {"X-Request-Id": "trace-1"}
UNKNOWN = "mbr_01jd3q5v8k4m6n7p8q9r0s1t2v"


async def ask(stack: Stack, headers: dict[str, str], query: str = "limit=50", method: str = "GET") -> Any:
    """Ask for the list, always under the same request id."""
    return await stack.client.request(method, f"/v1/benefits?{query}", headers=headers | TRACE)


def told(answer: Any) -> tuple[int, bytes, list[tuple[str, str]]]:
    """Give all that an answer says."""
    return answer.status_code, answer.content, sorted(answer.headers.multi_items())


def close_long_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the handler fail: who is answered now came the short way."""

    async def never(*_: Any) -> Never:
        raise AssertionError("the handler was asked")

    monkeypatch.setattr(benefits, "find_page", never)


def scope_of(*headers: tuple[bytes, bytes]) -> Any:
    """Make what of a scope counts."""
    return {"type": "http", "headers": headers, "query_string": b"limit=50"}


@pytest.mark.parametrize("query", ["", "limit=1", "include=ineligible&vertical=hotel", "q=%E9%85%92%E5%BA%97"])
@pytest.mark.parametrize("language", [{}, {"Accept-Language": "en"}])
async def test_both_ways_say_the_same(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, query: str, language: dict[str, str]
) -> None:
    headers = stack.member(await stack.add_member()) | language
    long = await ask(stack, headers, query)
    assert long.status_code == 200
    close_long_way(monkeypatch)
    short = await ask(stack, headers, query)
    assert told(short) == told(long)
    head = await ask(stack, headers, query, "HEAD")
    assert (head.status_code, head.content, head.headers) == (200, b"", long.headers)


async def test_the_short_way_is_every_members_own(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    liu, wang = [stack.member(await stack.add_member(name)) for name in ("liu", "wang")]
    await ask(stack, liu)
    close_long_way(monkeypatch)
    before = await ask(stack, wang)
    monkeypatch.undo()
    member_id = (await stack.client.get("/v1/me", headers=wang)).json()["id"]
    assert (await stack.earn(member_id, 250_000)).json()["tier"] == "gold"
    close_long_way(monkeypatch)
    after, others = await ask(stack, wang), await ask(stack, liu)
    assert before.status_code == after.status_code == 200
    assert before.content != after.content
    assert others.content == before.content


async def test_whoever_is_refused_is_refused_in_the_same_words(stack: Stack) -> None:
    member_id = await stack.add_member()
    refused = {
        "no token": {},
        "no token of ours": {"Authorization": "Bearer x.y.z"},
        "another scope": stack.member(member_id, "profile:read"),
        "a system": stack.bearer("crm", "benefits:read"),
        "nobody we know": stack.member(UNKNOWN),
    }
    long = {who: told(await ask(stack, headers)) for who, headers in refused.items()}
    assert [status for status, *_ in long.values()] == [401, 401, 403, 403, 404]
    assert (await ask(stack, stack.member(member_id))).status_code == 200
    assert {who: told(await ask(stack, headers)) for who, headers in refused.items()} == long


async def test_bad_addresses_are_refused_before_anything_is_remembered(stack: Stack) -> None:
    headers = stack.member(await stack.add_member())
    for query in ("limit=0", "limit=x", "vertical=ship", "q=%00", "q=%FF", "from=tomorrow"):
        answers = [await ask(stack, headers, query) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [400, 400]
        assert told(answers[0]) == told(answers[1])


async def test_who_has_the_page_is_told_so(stack: Stack) -> None:
    headers = stack.member(await stack.add_member())
    tag = (await ask(stack, headers)).headers["etag"]
    known = await ask(stack, headers | {"If-None-Match": tag})
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", tag)
    assert (await ask(stack, headers | {"If-None-Match": '"other"'})).status_code == 200


def test_only_query_and_one_language_make_a_reading() -> None:
    english, chinese = (b"accept-language", b"en"), (b"accept-language", b"zh")
    assert raw_asked(scope_of(english, (b"host", b"x"))) == (b"limit=50", b"en")
    assert raw_asked(scope_of()) == (b"limit=50", None)
    assert raw_asked(scope_of(english, chinese)) is None
    assert raw_asked(scope_of((b"if-none-match", b"*"))) is None


async def test_a_cursor_is_its_callers_own_on_the_short_way_too(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    liu, wang = [stack.member(await stack.add_member(name)) for name in ("liu", "wang")]
    cursor = (await ask(stack, liu, "limit=1")).json()["next_cursor"]
    query = f"limit=1&cursor={cursor}"
    long = await ask(stack, liu, query)
    close_long_way(monkeypatch)
    assert told(await ask(stack, liu, query)) == told(long)
    others = await ask(stack, wang, query)
    assert (others.status_code, others.json()["code"]) == (400, "cursor_invalid")


async def test_a_long_query_is_answered_and_not_remembered(stack: Stack) -> None:
    headers = stack.member(await stack.add_member())
    query = "q=" + "a" * 60 + "&none=" + "b" * 300
    assert (await ask(stack, headers, query)).json()["items"] == []
    assert stack.gateway.pages.read_before((query.encode(), None)) is None
    await ask(stack, headers, "q=a")
    assert stack.gateway.pages.read_before((b"q=a", None)) == Asked(Search(text="a"), None, 20, None)


async def test_a_page_that_one_client_remembers_leads_no_other_client_astray(stack: Stack) -> None:
    member_id = await stack.add_member()
    for client in ("member-app", "car-app"):
        headers = stack.bearer(member_id, "benefits:read", client)
        cursor = (await ask(stack, headers, "limit=1")).json()["next_cursor"]
        assert (await ask(stack, headers, f"limit=1&cursor={cursor}")).status_code == 200


async def test_the_short_way_speaks_the_language_asked_for(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    member = stack.member(await stack.add_member())
    languages: dict[str, dict[str, str]] = {name: member | {"Accept-Language": name} for name in ("en", "zh")}
    long = {name: (await ask(stack, headers)).content for name, headers in languages.items()}
    assert long["en"] != long["zh"]
    close_long_way(monkeypatch)
    assert {name: (await ask(stack, headers)).content for name, headers in languages.items()} == long
