"""The way of a new agency to its first listing: what is done, what waits, what is next."""

from dataclasses import asdict, dataclass, replace
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.core import clock
from marketplace.core.formats import day
from marketplace.listings.models import Affiliation, Attending, Rotation, Site
from marketplace.listings.standing import paper_until
from marketplace.tenants.models import Agency
from marketplace.verification import kinds
from marketplace.verification import queries as verification
from marketplace.verification.queries import KindView, PaperView

ANSWER = "they answer within 2 working days"


@dataclass(frozen=True)
class Step:
    """One line of the list. `state`: done, wait (for Rounds), todo, lock (not open yet)."""

    state: str
    title: str
    line: str
    action: str = ""
    url: str = ""
    time: str = ""


def first_steps(session: Session, agency: Agency) -> dict[str, object] | None:
    """The list with its progress; None once the agency was approved and has published."""
    live = _count(session, Rotation, Rotation.state == "published")
    ever = _count(session, Rotation, Rotation.published_at.is_not(None))
    if agency.state != "new" and (live or ever):
        return None
    base = f"/agency/{agency.slug}"
    shown = verification.papers(session, agency.id, {})
    steps = [Step("done", "Agency profile", f"{agency.name}, {agency.email or 'no e-mail yet'}")]
    needed = [one for one in verification.by_kind(agency, shown) if one.kind.required]
    steps += _papers(needed, base)
    steps += _send(needed, base)
    drafts = _count(session, Rotation, Rotation.state == "draft")
    steps.append(_listing(base, drafts))
    steps += [*_site(session, agency, base), *_attending(session), _payout(base, agency)]
    steps.append(_publish(base, agency, drafts))
    done = sum(step.state == "done" for step in steps)
    return {"done": done, "total": len(steps), "steps": [asdict(step) for step in steps]}


def lead(steps: dict[str, object]) -> str:
    """The sentence above the list."""
    rows = steps["steps"]
    assert isinstance(rows, list)
    todo = sum(1 for row in rows if row["state"] == "todo")
    first = {0: "Nothing is yours to do now.", 1: "One step is yours now."}.get(
        todo, f"{todo} steps are yours now."
    )
    return (
        f"{first} Nothing is public until Rounds has checked the agency and the attending has"
        " signed."
    )


def _papers(needed: list[KindView], base: str) -> list[Step]:
    """One line for each; those that nobody has added yet are sent by one form."""
    open_ones = [one for one in needed if not one.papers]
    steps = [_paper(one, base) for one in needed]
    if len(open_ones) < 2:
        return steps
    first = needed.index(open_ones[0])
    action, url = "Send your papers", f"{base}/verification/start"
    return [
        replace(step, action=action if at == first else "", url=url if at == first else "")
        if not needed[at].papers
        else step
        for at, step in enumerate(steps)
    ]


def _paper(one: KindView, base: str) -> Step:
    title, add = one.kind.label, f"{base}/verification/add?kind={one.kind.slug}"
    latest: PaperView | None = one.papers[0] if one.papers else None
    if latest is None:
        return Step("todo", title, one.kind.help, "Add it", add, "about 2 min")
    if latest.state == "accepted":
        on = f"Accepted {day(latest.decided_at.date())} · " if latest.decided_at else ""
        return Step("done", title, f"{on}{latest.ends}")
    if latest.state == "sent":
        on = f" since {day(latest.sent_at.date())}" if latest.sent_at else ""
        return Step("wait", title, f"With the Rounds team{on} · {ANSWER}")
    if latest.state == "draft":
        return Step("done", title, f"{latest.file_name} is here, not sent yet")
    return Step("todo", title, latest.reason or "It has ended", "Send again", add, "about 2 min")


def _send(needed: list[KindView], base: str) -> list[Step]:
    """The step that sends, once every required paper is here."""
    latest = [one.papers[0].state if one.papers else "" for one in needed]
    if "draft" not in latest or not all(x in ("draft", "sent", "accepted") for x in latest):
        return []
    line = "All required papers are here. Rounds reads them next."
    url = f"{base}/verification#send"
    return [Step("todo", "Send your papers", line, "Send to Rounds", url, "1 min")]


def _site(session: Session, agency: Agency, base: str) -> list[Step]:
    """The papers of each site, where its setting asks for some."""
    today = clock.today("UTC")
    return [
        _site_paper(site, kind, base, today)
        for site in session.scalars(select(Site).order_by(Site.name))
        for kind in kinds.of_site(agency, site.setting)
    ]


def _site_paper(site: Site, kind: kinds.Kind, base: str, today: date) -> Step:
    until = paper_until(site, kind.slug)
    title = f"{kind.label}: {site.name}"
    if until and until >= today:
        return Step("done", title, f"Valid until {day(until)}")
    line = f"{site.setting.capitalize()} listings open with it. {kind.help}"
    url = f"{base}/verification/add?kind={kind.slug}&site={site.id}"
    return Step("todo", title, line, "Send it", url, "about 2 min")


def _attending(session: Session) -> list[Step]:
    """What the look-ups of the first attendings say; nothing before there is one."""
    rows = session.execute(
        select(Attending, Affiliation.accepted_at)
        .join(Affiliation, Affiliation.attending_id == Attending.id)
        .order_by(Attending.display_name)
    ).all()
    if not rows:
        return []
    title = "Attending looked up"
    doctors = [doctor for doctor, accepted in rows if accepted]
    if not doctors:
        return [Step("wait", title, "Rounds looks them up when they have said yes to you")]
    if any(doctor.verified_until for doctor in doctors):
        return [Step("done", title, "NPI, license and exclusion list are in order")]
    line = "Being looked up in the registry, the state board and the exclusion list"
    return [Step("wait", title, line)]


def _payout(base: str, agency: Agency) -> Step:
    title = "Payout account"
    if agency.payout_account:
        return Step("done", title, "Connected")
    line = "Needed before the first payout, not before publishing"
    return Step("todo", title, line, "Set it up", f"{base}/payouts", "about 5 min")


def _listing(base: str, drafts: int) -> Step:
    title = "First listing"
    if drafts:
        return Step("done", title, "1 draft" if drafts == 1 else f"{drafts} drafts")
    line = "With its site and attending: what trainees do, when, for how much"
    return Step("todo", title, line, "Make a listing", f"{base}/listings/new", "about 8 min")


def _publish(base: str, agency: Agency, drafts: int) -> Step:
    title = "Publish the first listing"
    if agency.is_approved and drafts:
        line = "The check names everything that is missing"
        return Step("todo", title, line, "Open the listings", f"{base}/listings", "1 min")
    return Step("lock", title, "Opens when the agency is approved and the attending has signed")


def _count(session: Session, model: type[Rotation | Site], *conditions: object) -> int:
    wanted = select(func.count()).select_from(model).where(*conditions)  # type: ignore[arg-type]
    return int(session.scalar(wanted) or 0)
