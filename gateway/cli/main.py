"""``gateway``: the root of the command line. Groups are modules of this package, imported when they are called.

Exit codes: 0 fine, 1 a problem was found, 2 wrong use or a configuration that cannot be used.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import click

from config.errors import ConfigurationError, GatewayError
from gateway.cli.context import CommandContext


class Command(NamedTuple):
    """Where a command is (``command`` of a module) and what it is for."""

    module: str
    help: str


COMMANDS = {
    "adapter": Command("gateway.cli.adapter", "Adapters that are installed."),
    "audit": Command("gateway.cli.audit", "Check every rule of the ledger."),
    "catalogue": Command("gateway.cli.catalogue", "Compare the catalogue's files with what is served; apply them."),
    "config": Command("gateway.cli.config_check", "Look at the configuration."),
    "conversion": Command("gateway.cli.conversion", "Quote and check conversions."),
    "db": Command("gateway.cli.db", "Bring the database's schema up to date, or look at it."),
    "demo": Command("gateway.cli.demo", "Run the whole journey on this machine."),
    "deny": Command("gateway.cli.deny", "Refuse an access token before its time is over."),
    "ledger": Command("gateway.cli.ledger", "Accounts that the audit stopped."),
    "lounge": Command("gateway.cli.lounge", "Judge visits by published lounge rules."),
    "manual": Command("gateway.cli.manual", "End what only people can end, two of them together."),
    "member": Command("gateway.cli.member", "Look at members, merge and close memberships."),
    "partner": Command("gateway.cli.partner", "List partners, switch one off and on."),
    "programme": Command("gateway.cli.programme", "Run the programme's night, and ask its rules."),
    "rates": Command("gateway.cli.catalogue_rates", "Rates of exchange by date."),
    "restored": Command("gateway.cli.restored", "Make a database restored from an older backup safe to serve."),
    "serve": Command("gateway.cli.serve", "Serve the API, the sweeper and the inbox worker."),
    "settlement": Command("gateway.cli.settlement", "Statements, nightly runs, breaks, exports."),
    "tier": Command("gateway.cli.tier", "Explain and check tier matches."),
    "token": Command("gateway.cli.token", "Mint an access token of the development issuer."),
    "voucher": Command("gateway.cli.voucher", "Look after vouchers."),
    "watch": Command("gateway.cli.watch", "See alarms, and what should have ended by now."),
}
"""Every command; a module is imported only when its command is called."""

FOUND_A_PROBLEM = 1
WRONG_USE = 2


class LazyGroup(click.Group):
    """Knows its commands by name and imports a module only when its command is called or described."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List what is installed."""
        return [name for name, one in sorted(COMMANDS.items()) if importlib.util.find_spec(one.module) is not None]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name].module).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Describe the commands from the table, without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name].help) for name in self.list_commands(ctx)])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--settings", type=click.Path(path_type=Path, dir_okay=False), help="Settings file (TOML).")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="partner-benefits-gateway")
@click.pass_context
def root(context: click.Context, settings: Path | None, debug: bool) -> None:
    """Partner Benefits Gateway: one place where a membership club and its partners meet."""
    context.obj = CommandContext(settings_file=settings, debug=debug)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code; errors are one line, with the traceback only on ``--debug``."""
    given = sys.argv[1:] if arguments is None else arguments
    sys.exit(run(given))


def run(arguments: list[str], **extra: Any) -> int:
    """Run the command line and answer its exit code."""
    debug = "--debug" in arguments
    try:
        code = root.main(arguments, prog_name="gateway", standalone_mode=False, **extra)
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return WRONG_USE
    except click.Abort:
        click.echo("Stopped.", err=True)
        return FOUND_A_PROBLEM
    except GatewayError as error:
        if debug:
            raise
        click.echo(f"Error: {error.message}", err=True)
        return WRONG_USE if isinstance(error, ConfigurationError) else FOUND_A_PROBLEM
    except OSError as error:
        if debug:
            raise
        click.echo(f"Error: {error.strerror or error}: {error.filename or ''}".rstrip(": "), err=True)
        return FOUND_A_PROBLEM


if __name__ == "__main__":
    main()
