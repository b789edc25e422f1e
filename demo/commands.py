"""The demo's own commands: seed, clock, demo-accounts."""

import re
import sys
from datetime import timedelta

import click

from demo import accounts, measure, stack
from demo.seed import market, run
from marketplace import bench
from marketplace.cli import with_app
from marketplace.core import clock
from marketplace.core.config import Config
from marketplace.core.context import system
from marketplace.core.db import open_session
from marketplace.search import jobs as search

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Span(click.ParamType):  # type: ignore[type-arg]  # generic only in click's stubs
    """A length of time written like 30d, 12h or 15m."""

    name = "span"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Read the text; fails with a message that shows how to write it."""
        match = re.fullmatch(r"(\d{1,4})([mhdw])", str(value))
        if match is None:
            self.fail(f"{value!r} is not a span. Write it like 30d, 12h or 15m.", param, ctx)
        return timedelta(**{UNITS[match[2]]: int(match[1])})


def _demo_only() -> None:
    if not Config.from_env().demo:
        raise click.ClickException("Only the demo has this. Set DEMO=1 to turn it on.")


@click.command()
@click.option(
    "--rotations",
    type=click.IntRange(market.FEWEST, 1_000_000),
    default=market.ROTATIONS,
    show_default=True,
    help="How many published rotations.",
)
@click.option("--if-empty", is_flag=True, help="Do nothing when there are agencies already.")
@with_app
def seed(rotations: int, if_empty: bool) -> None:
    """Fill an empty database with a fictional market."""
    _demo_only()
    var = Config.from_env().var_dir
    with open_session(system("seed: look"), readonly=True) as session:
        empty = run.is_empty(session)
    if not empty:
        if if_empty:
            accounts.write(var)
            click.echo("The database is not empty; nothing to do.")
            return
        raise click.ClickException("The database already holds agencies. Seed an empty one.")
    with click.progressbar(length=rotations, label="Rotations", file=sys.stderr) as bar:
        done = run.seed(
            var / stack.PROVIDER_FILE,
            rotations,
            tell=lambda number: bar.update(min(number, rotations) - bar.pos),
        )
    accounts.write(var)
    indexed = search.rebuild(system("index the seeded market"))
    for table, count in sorted(done.written.items()):
        click.echo(f"{count:>9,} {table}")
    click.echo(f"{indexed:>9,} listings in the search index")


@click.command("demo-accounts")
def demo_accounts() -> None:
    """List the accounts that the demo shows to everybody."""
    _demo_only()
    for account in accounts.ACCOUNTS:
        click.echo(
            f"{account.role:<12} {account.email:<40} {account.password:<22} {account.agency}"
        )


@click.group("clock")
def clock_group() -> None:
    """Show or move the demo's clock."""
    _demo_only()


@clock_group.command()
@with_app
def show() -> None:
    """The business time, and how far it is ahead of the real one."""
    click.echo(f"{clock.now():%Y-%m-%d %H:%M} UTC, {clock.offset()} ahead")


@clock_group.command()
@click.argument("span", type=Span())
@with_app
def advance(span: timedelta) -> None:
    """Move every process of the demo forward by SPAN, such as 30d or 12h."""
    click.echo(f"It is now {clock.advance(span):%Y-%m-%d %H:%M} UTC.")


@clock_group.command()
@with_app
def reset() -> None:
    """Return to the real time."""
    clock.reset()
    click.echo(f"It is now {clock.now():%Y-%m-%d %H:%M} UTC.")


bench.MORE.append(measure.figures)
COMMANDS: tuple[click.Command, ...] = (seed, demo_accounts, clock_group)
