"""The product's own commands. The demo adds its own to this group."""

import logging
import signal
import sys
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
from alembic import command
from alembic.config import Config as AlembicConfig
from flask import Flask
from sqlalchemy import select

from marketplace import bench, invariants
from marketplace.archive import arriving, leaving
from marketplace.bookings import diagram as booking_diagram
from marketplace.core import audit, clock, context, freshness, jobs, logs
from marketplace.core.config import Config
from marketplace.core.db import db, open_session
from marketplace.core.errors import Invalid, NotFound
from marketplace.core.pages import ROOT
from marketplace.imports import operations as imports
from marketplace.imports.catalog import KINDS
from marketplace.imports.kinds import Desk
from marketplace.placements import diagram as letter_diagram
from marketplace.schedule import SCHEDULE
from marketplace.search.jobs import rebuild
from marketplace.search.listings import public_ids
from marketplace.search.port import SearchUnavailable
from marketplace.tenants.models import Agency
from marketplace.verification import diagram as verification_diagram
from marketplace.wiring import create_core


def core_app() -> Flask:
    """An app without pages, for commands, the worker and clockwork."""
    return create_core(Config.from_env())


def with_app(function: Callable[..., Any]) -> Callable[..., Any]:
    """Run a command inside an app context."""

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        logs.configure()
        with core_app().app_context():
            freshness.refresh()
            try:
                return function(*args, **kwargs)
            finally:
                db.engine.dispose()  # a command leaves no connection behind

    return run


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Rounds, from the command line."""


@cli.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    Path(Config.from_env().var_dir).mkdir(parents=True, exist_ok=True)
    settings = AlembicConfig()
    settings.set_main_option("script_location", str(ROOT / "migrations"))
    command.upgrade(settings, "head")


@cli.command()
@click.option("--burst", is_flag=True, help="Stop when the queue is empty.")
@with_app
def worker(burst: bool) -> None:
    """Run jobs until stopped."""
    config = Config.from_env()
    jobs.work(config.redis_url, forking=not config.demo, burst=burst)


@cli.command()
@with_app
def clockwork() -> None:
    """Relay the outbox to the queue and tick the schedule, until stopped."""
    stop = {"now": False}
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.update(now=True))
    url = Config.from_env().redis_url
    listener = jobs.WakeListener(url)
    while not stop["now"]:
        try:
            while jobs.relay(url):
                continue
            tick(url)
            listener.wait(1.0)
        except jobs.QueueError as error:
            click.echo(f"queue is away: {error}", err=True)
            time.sleep(1.0)


@cli.command("check")
@with_app
def check_invariants() -> None:
    """Prove the invariants; exits 1 when one is violated."""
    with open_session(context.system("check"), readonly=True) as session:
        findings = invariants.examine(session)
    for finding in findings:
        count, check = len(finding.rows), finding.check
        click.echo(f"{'FAIL' if count else 'ok':<5}{count:>6}  {check.code:<5}{check.promise}")
        for row in finding.rows[:10]:
            click.echo(f"             {row}")
    broken = sum(bool(finding.rows) for finding in findings)
    click.echo(f"{len(findings) - broken} of {len(findings)} invariants hold")
    if broken:
        sys.exit(1)


@cli.command()
@with_app
def reindex() -> None:
    """Build the search index anew; readers never see it empty."""
    scope = context.system("reindex")
    with open_session(scope, readonly=True) as session:
        total = len(public_ids(session))
    with click.progressbar(length=total, label="Indexing") as bar:
        count = rebuild(scope, lambda done: bar.update(1))
    click.echo(f"{count} listings indexed")


@cli.command("search-keys")
@click.option("--url", envvar="MEILI_URL", required=True, help="The Meilisearch server.")
@click.option("--master-key", envvar="MEILI_MASTER_KEY", required=True, help="Used only here.")
@click.option("--index", envvar="MEILI_INDEX", default="listings", show_default=True)
def search_keys(url: str, master_key: str, index: str) -> None:
    """Make the two keys of a Meilisearch server, each with the least rights, as lines for .env."""
    from marketplace.search.meilisearch import make_keys  # noqa: PLC0415  (optional)

    try:
        keys = make_keys(url, master_key, index)
    except SearchUnavailable as error:
        raise click.ClickException(
            f"the server at {url} did not make them: {error.detail}"
        ) from error
    for process, key in keys.items():
        click.echo(f"MEILI_{process.upper()}_KEY={key}")


DIAGRAMS = {
    "booking": booking_diagram.page,
    "letter": letter_diagram.page,
    "verification": verification_diagram.page,
}


@cli.command()
@click.argument("what", type=click.Choice(list(DIAGRAMS)), default="booking")
def states(what: str) -> None:
    """Print a state diagram as Markdown (docs/booking-states.md and its neighbours)."""
    click.echo(DIAGRAMS[what](), nl=False)


@cli.command("bench")
@click.argument("what", type=click.Choice(["all", "search"]), default="all")
@click.option("--runs", default=200, show_default=True, help="Measured calls of each row.")
@click.option("--json", "target", type=click.Path(path_type=Path), help="Also write the figures.")
@click.option(
    "--against",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Figures of a smaller market: tells the growth, at most threefold.",
)
def bench_budgets(what: str, runs: int, target: Path | None, against: Path | None) -> None:
    """Measure the design's budgets on the data that is there; exits 1 when one is exceeded."""
    from marketplace.app import create_app  # noqa: PLC0415  (pages are slow to import)

    app = create_app()
    logs.configure(logging.ERROR)
    click.echo(bench.describe(app))
    click.echo(bench.HEAD)
    figures = []
    for figure in bench.searches(app, runs) if what == "search" else bench.run(app, runs):
        click.echo(figure.line())
        figures.append(figure)
    with app.app_context():
        db.engine.dispose()
    if target:
        bench.write(figures, target)
    grown = bench.growth(figures, against) if against else []
    for name, times in grown:
        click.echo(f"{name:<32}{times:6.2f} times{'  OVER' if times > bench.GROWTH else ''}")
    if any(figure.over for figure in figures) or any(n > bench.GROWTH for _, n in grown):
        raise SystemExit(1)


def tick(url: str) -> None:
    """Queue each periodic job once for its current slot; a second ticker finds it queued."""
    moment = int(clock.wall().timestamp())
    for job in SCHEDULE:
        slot = moment // job.seconds
        if _last_slot.get(job.topic) != slot:
            jobs.send(url, f"tick-{job.topic.replace('.', '-')}-{slot}", "run_tick", job.topic)
            _last_slot[job.topic] = slot


_last_slot: dict[str, int] = {}


@cli.command("import-listings")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--agency", "slug", required=True, help="The agency's name in addresses.")
@click.option("--dry-run", is_flag=True, help="Check and say what would change; write nothing.")
@with_app
def import_listings(file: Path, slug: str, dry_run: bool) -> None:
    """Import listings from a CSV file as drafts (docs/import.md).

    All or nothing. Exit code 1 when any row has a fault.
    """
    _import_file("listings", file, slug, dry_run)


@cli.command("import")
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--agency", "slug", required=True, help="The agency's name in addresses.")
@click.option("--dry-run", is_flag=True, help="Check and say what would change; write nothing.")
@with_app
def import_file(kind: str, file: Path, slug: str, dry_run: bool) -> None:
    """Import sites, attendings, listings or offerings from a CSV file (docs/import.md)."""
    _import_file(kind, file, slug, dry_run)


def _import_file(kind_slug: str, file: Path, slug: str, dry_run: bool) -> None:
    with open_session(context.system("import: find agency"), readonly=True) as session:
        agency_id = session.scalar(select(Agency.id).where(Agency.slug == slug))
    if agency_id is None:
        raise click.ClickException(f"There is no agency {slug!r}.")
    kind = KINDS[kind_slug]
    desk = Desk(agency_id, context.SYSTEM, Config.from_env().demo)
    try:
        with open_session(imports.scope_of(kind, agency_id), readonly=dry_run) as session:
            found = imports.bring_in(
                session, kind, desk, file.read_bytes(), name=file.name, dry_run=dry_run
            )
    except Invalid as error:
        raise click.ClickException(error.message) from error
    for fault in found.faults:
        click.echo(f"line {fault.line}, {fault.column}: {fault.found!r}: {fault.reason}", err=True)
    click.echo(
        f"{found.rows} rows: {found.created} new, {found.updated} changed,"
        f" {found.unchanged} the same, {found.bad_rows} with faults."
        + (" Nothing was written." if dry_run or found.faults else "")
    )
    if found.faults:
        sys.exit(1)


@cli.command("export")
@click.argument("agency")
@click.option("--to", "target", type=click.Path(path_type=Path), help="Default: AGENCY.zip")
@with_app
def export_agency(agency: str, target: Path | None) -> None:
    """Write everything of an agency into one archive (docs/agency-archive.md)."""
    target = target or Path(f"{agency}.zip")
    draft = target.with_name(f"{target.name}.part")
    try:
        with open_session(context.system("export an agency"), readonly=True) as session:
            leaving.snapshot(session)
            key = leaving.agency_id_of(session, agency)
            total = leaving.count(session, key)
            draft.touch(mode=0o600)
            with draft.open("wb") as out, click.progressbar(length=total, label="Files") as bar:
                leaving.write(session, out, key, lambda done, _: bar.update(done - bar.pos))
                bar.update(total - bar.pos)
    except NotFound as error:
        raise click.ClickException(error.message) from error
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    draft.replace(target)
    with open_session(context.system("export an agency")) as session:
        subject = f"agency:{key}"
        audit.record(session, context.SYSTEM, "agency.export", subject, agency_id=key, slug=agency)
    click.echo(f"{target}: {target.stat().st_size:,} bytes")


@cli.command("import-archive")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_app
def import_archive(file: Path) -> None:
    """Bring an agency's archive into this empty installation: everything or nothing."""
    try:
        with open_session(context.system("import an agency")) as session:
            loaded = arriving.load(session, context.SYSTEM, file)
    except Invalid as error:
        raise click.ClickException(error.message) from error
    click.echo(f"{loaded.slug}: {sum(loaded.rows.values()):,} rows, {len(loaded.files)} files")
    click.echo("Now run: bin/marketplace reindex, then bin/marketplace check")


if __name__ == "__main__":
    sys.exit(cli())
