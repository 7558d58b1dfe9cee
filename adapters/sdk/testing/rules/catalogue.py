"""Every rule, in the order in which it is told. Each is shown to fail by a hostile adapter in the SDK's own tests."""

from __future__ import annotations

from adapters.sdk.testing.rules import (
    accounting,
    accounts,
    guarding,
    linking,
    package,
    points,
    undoing,
    vouchers,
    writing,
)
from adapters.sdk.testing.rules.rule import Grade, Rule, on_bench

RESERVES = frozenset({"reserves"})
LOOKS_UP = RESERVES | {"looks_up"}
CANCELS = RESERVES | {"cancels"}
FENCES = RESERVES | {"fences"}
VALIDATES = frozenset({"validates_members"})
REPORTS_STATUS = frozenset({"reports_status"})
GRANTS_STATUS = frozenset({"grants_status"})
VOUCHERS = RESERVES | {"issues_vouchers"}
CREDITS = RESERVES | {"credits_points"}
STATEMENTS = RESERVES | {"reports_statements"}

LOADS = Rule(
    id="package_loads",
    title="The package can be imported",
    grade=Grade.BRONZE,
    proves="importing it ends in time, raises nothing, and gives create(context)",
    remedy="Import it by hand (python -c 'import ...') and mend what it raises; do no work at import.",
)
STARTS = Rule(
    id="simulator_starts",
    title="Its simulator runs and the adapter connects to it",
    grade=Grade.BRONZE,
    proves="conformance.py makes a subject, the simulator answers on loopback, and create(context) takes the context",
    remedy="Give it simulator.py and conformance.py with create_subject(package) -> Subject; mend what they raise.",
)

MANIFEST = Rule(
    id="manifest_valid",
    title="The manifest is valid and agrees with itself",
    grade=Grade.BRONZE,
    proves="every fact and section fits every other",
    remedy="Mend manifest.toml at the keys that are named.",
    look=package.manifest_valid,
)

DECLARED = Rule(
    id="declared_is_implemented",
    title="Declared is implemented, implemented is declared",
    grade=Grade.BRONZE,
    proves="the manifest's capabilities equal the adapter's; exactly one step commits",
    remedy="Write the missing methods or take the capability out of manifest.toml; one step has commit=True.",
    prove=on_bench(writing.declared_is_implemented),
    bare=writing.declared_without_bench,
)

HONEST = Rule(
    id="honest_answer_is_ok",
    title="An honest answer is OK",
    grade=Grade.BRONZE,
    proves="without a fault a reservation is granted, once",
    remedy="Compare the call with the simulator's: gateway adapter try NAME reserve.",
    needs=RESERVES,
    prove=on_bench(writing.honest_answer_is_ok),
)

BRONZE = (
    LOADS,
    MANIFEST,
    Rule(
        id="secrets_typed",
        title="Credentials are declared, secrets typed secret",
        grade=Grade.BRONZE,
        proves="what proves who we are is masked wherever it may be shown",
        remedy='Type it "secret" in [credentials] of manifest.toml.',
        look=package.secrets_typed,
    ),
    Rule(
        id="limits_declared",
        title="Limits are declared",
        grade=Grade.BRONZE,
        proves="deadline, byte cap, concurrency and windows are the author's decision",
        remedy="Give each in [limits] of manifest.toml, from the partner's documentation.",
        look=package.limits_declared,
    ),
    STARTS,
    DECLARED,
    HONEST,
    Rule(
        id="reads_answer",
        title="Reading calls answer",
        grade=Grade.BRONZE,
        proves="offers, usage and statements are read, in the currency asked for",
        remedy="Give offer_request (and usage_account) in conformance.py, and mend the reading call.",
        prove=on_bench(guarding.reads_answer),
    ),
)

SILVER = (
    Rule(
        id="fault_never_misleads",
        title="No fault of the partner misleads",
        grade=Grade.SILVER,
        proves="time-out, reset, cut, endless, bomb, nonsense and lies end UNKNOWN or NOT_SENT; nothing is raised",
        remedy="Answer UNKNOWN for what is not proved: OK needs a documented status and the right echo.",
        needs=RESERVES,
        prove=writing.fault_never_misleads,
    ),
    Rule(
        id="answers_are_listed",
        title="Only listed answers decide",
        grade=Grade.SILVER,
        proves="each listed status and code is judged as the response table says; all others are UNKNOWN",
        remedy="Decide by the response table alone; add what is documented to it, with its source.",
        needs=RESERVES,
        prove=on_bench(writing.answers_are_listed),
    ),
    Rule(
        id="limits_kept",
        title="Deadline and byte cap are kept",
        grade=Grade.SILVER,
        proves="no deciding call asks for more than the manifest's, and a hanging partner is left in time",
        remedy="Leave deadline_seconds and body_cap_bytes of the call unset, or set less.",
        needs=RESERVES,
        prove=writing.limits_kept,
    ),
    Rule(
        id="look_up_is_not_misled",
        title="No fault misleads the look-up",
        grade=Grade.SILVER,
        proves="a spoilt answer to the look-up proves nothing",
        remedy="Answer UNKNOWN unless the body is whole, documented, and about our key.",
        needs=LOOKS_UP,
        prove=undoing.look_up_is_not_misled,
    ),
    Rule(
        id="cancel_is_not_misled",
        title="No nonsense misleads the cancel",
        grade=Grade.SILVER,
        proves="a cancel that got nonsense says neither cancelled nor standing",
        remedy="Judge the answer by a response table; what is not in it is UNKNOWN.",
        needs=CANCELS,
        prove=on_bench(undoing.cancel_is_not_misled),
    ),
    Rule(
        id="fence_is_not_misled",
        title="No nonsense misleads the fence",
        grade=Grade.SILVER,
        proves="a fence that got nonsense says neither dead nor standing",
        remedy="Judge the answer by a response table; what is not in it is UNKNOWN.",
        needs=FENCES,
        prove=on_bench(undoing.fence_is_not_misled),
    ),
    Rule(
        id="reads_fail_honestly",
        title="Reading calls fail as they should",
        grade=Grade.SILVER,
        proves="nonsense raises a PartnerError and nothing else, and nothing is read out of it",
        remedy="Use require_ok or readable, and decode; let their errors through.",
        prove=on_bench(guarding.reads_fail_honestly),
    ),
    Rule(
        id="validation_is_not_misled",
        title="No nonsense misleads the validation of a member",
        grade=Grade.SILVER,
        proves="a validation that got nonsense makes nobody a member and turns nobody away",
        remedy="Judge the answer by a response table, and check that it repeats the account.",
        needs=VALIDATES,
        prove=on_bench(accounts.validation_is_not_misled),
    ),
    Rule(
        id="reversal_is_not_misled",
        title="No nonsense misleads the reversal of points",
        grade=Grade.SILVER,
        proves="a reversal that got nonsense says neither done nor standing",
        remedy="Judge the answer by a response table; what is not in it is UNKNOWN.",
        needs=CREDITS,
        prove=on_bench(points.reversal_is_not_misled),
    ),
)

GOLD = (
    Rule(
        id="repeat_has_one_effect",
        title="A repeat is answered as declared",
        grade=Grade.GOLD,
        proves="one key, one booking; the repeat is replayed or refused as facts.on_repeat says",
        remedy="Send request.key unchanged with every attempt, or correct facts.on_repeat.",
        needs=RESERVES,
        prove=on_bench(writing.repeat_has_one_effect),
    ),
    Rule(
        id="key_limits_are_true",
        title="The key field holds what is declared",
        grade=Grade.GOLD,
        proves="a key of the greatest length, of the alphabet's last letter, is accepted",
        remedy="Correct facts.key, and send the key whole.",
        needs=RESERVES,
        prove=on_bench(writing.key_limits_are_true),
    ),
    Rule(
        id="lost_answer_is_looked_up",
        title="A lost answer is found by our key",
        grade=Grade.GOLD,
        proves="after commit and reset the look-up by our key finds the one booking",
        remedy="Ask by request.key (or by what an earlier step carried), not by the partner's reference.",
        needs=LOOKS_UP,
        prove=on_bench(undoing.lost_answer_is_looked_up),
    ),
    Rule(
        id="unknown_key_is_not_found",
        title="An unknown key is not found",
        grade=Grade.GOLD,
        proves="a key that the partner never saw is neither issued nor refused",
        remedy="Answer NOT_FOUND for the documented absence, and for nothing else.",
        needs=LOOKS_UP,
        prove=on_bench(undoing.unknown_key_is_not_found),
    ),
    Rule(
        id="fence_leaves_tombstone",
        title="A fence leaves a tombstone",
        grade=Grade.GOLD,
        proves="behind a fence a late copy of the request is refused",
        remedy="Fence at the partner, by our key; without such a call, take fences out of the manifest.",
        needs=FENCES,
        prove=on_bench(undoing.fence_leaves_tombstone),
    ),
    Rule(
        id="fence_withdraws",
        title="A fence withdraws what was granted",
        grade=Grade.GOLD,
        proves="a fence on a granted key ends the benefit; a second fence is no fault",
        remedy="Answer OK only when the partner says that the key is dead.",
        needs=FENCES,
        prove=on_bench(undoing.fence_withdraws),
    ),
    Rule(
        id="cancel_withdraws",
        title="A cancel withdraws the benefit",
        grade=Grade.GOLD,
        proves="a cancel by the partner's reference ends the benefit in the partner's book",
        remedy="Send the cancel, and answer OK only for the documented success.",
        needs=CANCELS,
        prove=on_bench(undoing.cancel_withdraws),
    ),
    Rule(
        id="unknowns_end",
        title="An unknown outcome can end",
        grade=Grade.GOLD,
        proves="profiles C, E and G have a settlement file",
        remedy="Agree a file with the partner (the contractual format will do) and declare reports_statements.",
        needs=RESERVES,
        look=package.unknowns_end,
    ),
    Rule(
        id="personal_fields_declared",
        title="Only declared personal fields leave",
        grade=Grade.GOLD,
        proves="a value of an undeclared field is in no part of any call",
        remedy="Do not send it, or declare it in personal_fields with its purpose.",
        needs=RESERVES,
        prove=on_bench(guarding.personal_fields_declared),
    ),
    Rule(
        id="secrets_stay_inside",
        title="Secrets stay inside",
        grade=Grade.GOLD,
        proves="no secret is in results, errors, logs, output or repr, in trouble either",
        remedy="Keep credentials as Secret, and call reveal() only where the value is used.",
        needs=RESERVES,
        prove=guarding.secrets_stay_inside,
    ),
    Rule(
        id="callbacks_are_proved",
        title="Only genuine callbacks are taken",
        grade=Grade.GOLD,
        proves="tampered, unsigned, late and unconfigured callbacks are refused; a repeat is known",
        remedy="Verify with the SDK's verifiers over the raw body, before anything is read.",
        needs=frozenset({"reserves", "receives_webhooks"}),
        prove=on_bench(guarding.callbacks_are_proved),
    ),
    Rule(
        id="link_is_the_members",
        title="A link is its member's",
        grade=Grade.GOLD,
        proves="PKCE is checked, members are told apart, a renewed link goes on, a revoked one is over",
        remedy="Make read_account's call with PartnerCall(link=link) and remember nothing; mend [linking].",
        needs=frozenset({"links_accounts"}),
        prove=on_bench(linking.link_is_the_members),
    ),
    Rule(
        id="members_are_told_apart",
        title="A member is told from a stranger",
        grade=Grade.GOLD,
        proves="his own account is OK, one that there is not is NO, and no factor is handed on open",
        remedy="Answer NO for the documented refusal only, and leave out of masked what is not masked.",
        needs=VALIDATES,
        prove=on_bench(accounts.members_are_told_apart),
    ),
    Rule(
        id="search_covers_the_place",
        title="A search covers the place",
        grade=Grade.GOLD,
        proves="several things of the kind are found, each named by its service, priced as asked, within the limit",
        remedy="Give each offer the service with its own property_id or lounge_id, and cut at request.limit.",
        needs=frozenset({"searches_offers"}),
        prove=on_bench(guarding.search_covers_the_place),
    ),
    Rule(
        id="grant_is_by_key",
        title="A tier is granted once for each key",
        grade=Grade.GOLD,
        proves="a repeat grants nothing more, a stranger is a NO, and nonsense proves nothing",
        remedy="Send request.key unchanged with every attempt, and judge the answer by a response table.",
        needs=GRANTS_STATUS,
        prove=on_bench(accounts.grant_is_by_key),
    ),
    Rule(
        id="voucher_is_of_the_reservation",
        title="The partner's voucher is that of the reservation",
        grade=Grade.GOLD,
        proves="what was reserved has a voucher that holds, and neither nonsense nor another reservation gives one",
        remedy="Check what the answer repeats of the reservation; raise for what is not documented.",
        needs=VOUCHERS,
        prove=on_bench(vouchers.voucher_is_of_the_reservation),
    ),
    Rule(
        id="reversal_keeps_to_original",
        title="Points are taken back in parts, never more than were moved",
        grade=Grade.GOLD,
        proves="parts add up to the whole in the partner's book, and one point more is a NO",
        remedy="Begin with refused_reversal of account_records, and send the quantity with the partner's reference.",
        needs=CREDITS,
        prove=on_bench(points.reversal_keeps_to_the_original),
    ),
    Rule(
        id="status_is_the_accounts",
        title="A reported status is the account's own",
        grade=Grade.GOLD,
        proves="a report is about the account that was asked for, and none is made up for one that there is not",
        remedy="Check the account that the answer repeats; give known=False where there is no such account.",
        needs=REPORTS_STATUS,
        prove=on_bench(accounts.status_is_the_accounts),
    ),
)

PLATINUM = (
    Rule(
        id="statement_accounts",
        title="The statement accounts for the day",
        grade=Grade.PLATINUM,
        proves="the file of a date reads, with its control totals, and holds the reservation by our key",
        remedy="Give every row our key as its reference; check the totals in parse_statement.",
        needs=STATEMENTS,
        prove=on_bench(accounting.statement_accounts),
    ),
    Rule(
        id="statement_breaks_show",
        title="Breaks show in the statement",
        grade=Grade.PLATINUM,
        proves="missing, extra, doubled and changed rows are read as they stand",
        remedy="Read rows as they are: drop no doubles and correct nothing.",
        needs=STATEMENTS,
        prove=on_bench(accounting.statement_breaks_show),
    ),
    Rule(
        id="damaged_statement_is_refused",
        title="A damaged statement is refused",
        grade=Grade.PLATINUM,
        proves="a file that is cut, changed or no statement is refused whole",
        remedy="Raise StatementError when count or totals are not the rows'.",
        needs=STATEMENTS,
        prove=on_bench(accounting.damaged_statement_is_refused),
    ),
    Rule(
        id="fetched_statement_is_the_file",
        title="The fetched statement is the file",
        grade=Grade.PLATINUM,
        proves="byte for byte, with a name",
        remedy="Answer the body as it came.",
        needs=STATEMENTS,
        prove=on_bench(accounting.fetched_statement_is_the_file),
    ),
    Rule(
        id="documented",
        title="README and dated sources are there",
        grade=Grade.PLATINUM,
        proves="an operator can run it; a reader can find what it was written from",
        remedy='Write README.md (profile, options, how unknowns end) and sources = ["..., read 2026-11-28"].',
        look=package.documented,
    ),
    Rule(
        id="fixtures_sourced",
        title="Fixtures are there, with their sources",
        grade=Grade.PLATINUM,
        proves="recorded conditions lie beside the adapter and hold nobody's data",
        remedy="Record some (gateway adapter record NAME OPERATION --to FILE), and say in each its source.",
        look=package.fixtures_sourced,
    ),
)

RULES: tuple[Rule, ...] = (*BRONZE, *SILVER, *GOLD, *PLATINUM)
