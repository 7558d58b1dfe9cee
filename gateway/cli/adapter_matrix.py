"""``gateway adapter matrix``: what each adapter can do and the facts behind it, as a document made of the manifests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from adapters.sdk.manifest import Manifest, Profile
from adapters.sdk.probation import deaths
from adapters.sdk.registry import PROTOCOLS, discover
from adapters.sdk.testing.rules.catalogue import RULES
from gateway.cli.context import CommandContext

HEAD = """# What each adapter can do

Made of the manifests by `gateway adapter matrix`; a test holds this copy to them. What is declared here is proved by
`gateway adapter check`, which also says what each grade means ([adapters.md](adapters.md)).
"""
ENDS = {
    Profile.A: "always by itself: looked up, repeated or fenced",
    Profile.B: "by itself, at the latest when the window has ended",
    Profile.C: "by itself, else by the settlement file",
    Profile.D: "always by itself: looked up or fenced, one attempt",
    Profile.E: "by itself, else by the settlement file or two people",
    Profile.F: "always by itself: repeated or fenced",
    Profile.G: "by the first answer, else by the settlement file or two people",
}
"""How a redemption whose outcome is unknown ends; the table of profiles is in ``ARCHITECTURE.md``."""
FACTS = ("adapter", "profile", "an unknown outcome ends", "our key", "a repeat gets", "look-up", "rules of the kit")
REPEATS = {"replay": "the first answer again", "refuse": "a refusal: look up", "again": "a second benefit: never sent"}


@click.command("matrix")
@click.option("--bundled", is_flag=True, help="Only those that ship: the copy in docs/capabilities.md.")
@click.pass_obj
def matrix(context: CommandContext, bundled: bool) -> None:
    """Print what each adapter can do as a Markdown document."""
    folders = () if bundled else context.load().folders.adapters
    found = discover(folders, fatal=deaths(folders)).packages.values()
    chosen = [each.manifest for each in found if not bundled or each.module.startswith("adapters.")]
    click.echo(document(chosen), nl=False)


def document(manifests: Iterable[Manifest]) -> str:
    """Write the document."""
    ordered = sorted(manifests, key=lambda each: (each.profile, each.name))
    parts = [
        HEAD,
        "## Capabilities\n",
        _table(("capability", *(f"`{each.name}`" for each in ordered)), _capabilities(ordered)),
        "## Profile and facts\n",
        _table(FACTS, _facts(ordered)),
        "## Access, data and limits\n",
        _table(
            ("adapter", "auth", "callbacks", "statement", "personal fields", "deadline", "at once", "answers up to"),
            _access(ordered),
        ),
        "## Written from\n",
        *(_sources(each) for each in ordered),
    ]
    return "\n".join(parts)


def _capabilities(manifests: Sequence[Manifest]) -> list[list[str]]:
    return [
        [f"`{capability}`", *("yes" if capability in each.capabilities else "-" for each in manifests)]
        for capability in PROTOCOLS
    ]


def _facts(manifests: Sequence[Manifest]) -> list[list[str]]:
    return [
        [
            f"`{each.name}`",
            each.profile.value,
            ENDS[each.profile],
            _key(each),
            _repeat(each),
            _look_up(each),
            f"{sum(rule.needs <= set(each.capabilities) for rule in RULES)} of {len(RULES)}",
        ]
        for each in manifests
    ]


def _access(manifests: Sequence[Manifest]) -> list[list[str]]:
    return [
        [
            f"`{each.name}`",
            f"`{each.auth}`",
            _callbacks(each),
            f"{each.statement.format}, day ends {each.statement.cut_off} {each.statement.time_zone}"
            if each.statement
            else "-",
            ", ".join(each.personal_fields) + f" ({each.purpose})" if each.personal_fields else "none",
            f"{each.limits.deadline_seconds:g} s",
            str(each.limits.concurrency),
            f"{each.limits.body_cap_bytes // 1024} KiB",
        ]
        for each in manifests
    ]


def _key(manifest: Manifest) -> str:
    key = manifest.facts.key
    return f"`{key.field}`, {key.min_length} to {key.max_length}" if key.field else "none"


def _repeat(manifest: Manifest) -> str:
    return "no call is made" if manifest.facts.issues_nothing else REPEATS[manifest.facts.on_repeat]


def _look_up(manifest: Manifest) -> str:
    if "looks_up" not in manifest.capabilities:
        return "none"
    age = manifest.facts.look_up_staleness_seconds
    queued = "; writes may be queued" if manifest.facts.batch else ""
    return ("by our key, current" if age == 0 else f"by our key, up to {age} s old") + queued


def _callbacks(manifest: Manifest) -> str:
    if not manifest.webhook_scheme:
        return "-"
    return manifest.webhook_scheme.partition(":")[0] if manifest.signs_webhooks else "unsigned, to a secret path"


def _sources(manifest: Manifest) -> str:
    return f"`{manifest.name}` ({manifest.title})\n\n" + "".join(f"- {source}\n" for source in manifest.sources)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in lines)
