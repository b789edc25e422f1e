"""Lists that the platform changes: checked, versioned, fresh at once, old agreements untouched."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.admin import list_edit
from marketplace.admin.sheets import SHEETS
from marketplace.core import announcements, clock, freshness, lists, reference
from marketplace.core.audit import AuditEntry
from marketplace.core.context import Actor
from marketplace.core.db import open_session
from marketplace.core.errors import Conflict, Forbidden, Invalid, NotFound
from marketplace.core.outbox import OutboxMessage
from marketplace.listings import catalog, cities, seasons
from marketplace.listings.models import Rotation
from marketplace.payments import plan
from marketplace.search.catalog import reference_catalog
from marketplace.tenants.models import fee_of_new_agencies
from marketplace.verification import kinds
from tests import factories
from tests.accounts.conftest import SYSTEM, Visitor, agency, member, person, site, visitor
from tests.admin.test_moderation import client_of
from tests.support.rooms import words_of

__all__ = ["site", "visitor"]  # fixtures
WHY = "Checked against the board's page"
PAT = Actor("admin", name="Pat Admin")


@pytest.fixture(autouse=True)
def _defaults(site: Flask) -> Iterator[None]:
    """Each test begins and ends with the lists of the files."""
    freshness.forget()
    freshness.refresh()
    yield
    clock.reset()
    reference.use(-1, {}, {})
    announcements._Kept.news = ()
    freshness.forget()


@pytest.fixture
def admin(visitor: Visitor) -> Visitor:
    person("ines@rounds.example", name="Ines Carvalho", is_admin=True)
    visitor.sign_in("ines@rounds.example")
    return visitor


def send(admin: Visitor, name: str, key: str = "", /, **cells: str) -> tuple[int, str]:
    """Fill the form of a row as it stands, change some cells, and save."""
    sheet = SHEETS[name]
    now = dict(list_edit.line(name, key)) if key else {}
    form = {column.name: now.get(column.name, "") for column in sheet.columns}
    form |= {"key": key, "version": "0", "reason": WHY, "step": "save"} | cells
    page = f"/admin/lists/{name}/edit" + (f"?key={key}" if key else "")
    answer = admin.post(f"/admin/lists/{name}/edit", admin.token(page), **form)
    return answer.status_code, answer.text


def refresh() -> None:
    """What the next request does first."""
    freshness.refresh()


def test_a_new_label_holds_from_the_next_request_on(admin: Visitor) -> None:
    agreed = catalog.specialty("cardiology").label
    status, _ = send(admin, "specialties", "cardiology", label="Heart medicine")
    assert status == 303
    refresh()
    assert agreed == "Cardiology"
    assert catalog.specialty("cardiology").label == "Heart medicine"
    assert reference_catalog().labels["specialty"]["cardiology"] == "Heart medicine"
    assert "Heart medicine" in admin.get("/admin/lists/specialties").text
    with open_session(SYSTEM, readonly=True) as session:
        entry = session.scalars(select(AuditEntry)).one()
        work = session.scalars(
            select(OutboxMessage).where(OutboxMessage.topic == "search.index_list")
        ).one()
    assert entry.action == "list.changed" and entry.detail["reason"] == WHY
    assert "Cardiology -> Heart medicine" in entry.detail["changes"]
    assert work.payload == {"specialty": "cardiology"}


def test_another_process_sees_it_by_the_number(admin: Visitor) -> None:
    """A machine that shares the database only: no file tells it, the number does."""
    assert send(admin, "specialties", "cardiology", label="Heart medicine")[0] == 303
    refresh()
    reference.use(0, {}, {})
    freshness._Now.number = 0  # as in a process that has read nothing since
    freshness.refresh()
    assert catalog.specialty("cardiology").label == "Cardiology"  # nothing told it
    freshness.refresh(ask=True)
    assert catalog.specialty("cardiology").label == "Heart medicine"


def test_retired_is_kept_but_not_offered(admin: Visitor) -> None:
    assert send(admin, "specialties", "urology", retired="1")[0] == 303
    refresh()
    assert "urology" not in {one.slug for one in catalog.specialties()}
    assert catalog.specialty("urology").label == "Urology"
    assert "Retired" in admin.get("/admin/lists/specialties?q=urology").text
    city = cities.find_cities("Boston, MA")[0]
    assert send(admin, "us_cities", str(city.geonameid), retired="1")[0] == 303
    refresh()
    assert cities.find_cities("Boston, MA") == () and cities.city("boston-ma").name == "Boston"


def test_adding(admin: Visitor) -> None:
    assert (
        send(
            admin,
            "us_cities",
            geonameid="5100280",
            name="Newark Falls",
            state="NJ",
            state_name="New Jersey",
            lat="40.7",
            lng="-74.1",
            population="1200",
            timezone="America/New_York",
        )[0]
        == 303
    )
    assert send(admin, "specialties", slug="space-medicine", label="Space medicine",
                group="hospital-based", related="cardiology:0.5")[0] == 303  # fmt: skip
    assert send(admin, "document_kinds", slug="consent-form", label="Consent form",
                help="Signed by you.", lead_time_days="3", sensitive="no",
                retention_days="90")[0] == 303  # fmt: skip
    assert send(admin, "seasons", season="2027", milestone="town-hall", label="Town hall",
                date="2026-12-20", precision="day", kind="reported",
                audience="all")[0] == 303  # fmt: skip
    refresh()
    assert cities.city("newark-falls-nj").timezone == "America/New_York"
    assert catalog.specialty("space-medicine").related == {"cardiology": 0.5}
    assert catalog.document_kind("consent-form").retention_days == 90
    assert seasons.milestone(2027, "town-hall").label == "Town hall"
    assert send(admin, "specialties", slug="space-medicine", label="Twice",
                group="surgical")[0] == 422  # fmt: skip


def test_fees_and_rules(admin: Visitor) -> None:
    with open_session(SYSTEM) as session:
        from marketplace.tenants.models import Agency

        before = Agency(slug="old", name="Old")
        session.add(before)
        session.flush()
        assert before.platform_fee_percent == 12
    assert send(admin, "platform_fees", "platform-fee-percent", value="15")[0] == 303
    assert send(admin, "installment_rules", "deposit-default-percent", value="30")[0] == 303
    refresh()
    assert fee_of_new_agencies() == 15
    assert plan.plan_rules().deposit_default_percent == 30
    with open_session(SYSTEM) as session:
        assert session.scalars(select(Agency.platform_fee_percent)).one() == 12
    for cells in ({"value": "31"}, {"value": "-1"}, {"value": "x"}):
        assert send(admin, "platform_fees", "platform-fee-percent", **cells)[0] == 422
    assert send(admin, "installment_rules", "deposit-default-percent", value="50")[0] == 422
    # a rule that is not open is not there, and a fixed list takes no row
    token = admin.token()
    hidden = admin.post("/admin/lists/installment_rules/edit", token, key="late-fee", value="5")
    assert hidden.status_code == 404
    assert send(admin, "platform_fees", code="late-fee", label="Late", value="5")[0] == 422


WRONG = [
    ("specialties", "cardiology", {"label": ""}, "label"),
    ("specialties", "cardiology", {"group": "zz"}, "group"),
    ("specialties", "cardiology", {"related": "zz:0.5"}, "related"),
    ("specialties", "cardiology", {"related": "neurology:nan"}, "related"),
    ("specialties", "", {"slug": "Has Space", "label": "x", "group": "surgical"}, "slug"),
    ("us_cities", "5128581", {"name": "Old York"}, "name"),
    ("us_cities", "5128581", {"timezone": "Mars/Base"}, "timezone"),
    ("us_cities", "5128581", {"lat": "inf"}, "lat"),
    ("document_kinds", "passport", {"retention_days": "0"}, "retention_days"),
    ("state_advisories", "*/letters", {"text": "Short."}, "text"),
    ("seasons", "2026/eras-opens", {"date": "2025-02-30"}, "date"),
    ("specialties", "cardiology", {"reason": "no"}, "reason"),
    ("installment_rules", "min-gap-days", {"value": "3"}, "value"),
    ("installment_rules", "min-installment-cents", {"value": "100001"}, "value"),
]


def test_what_cannot_be(admin: Visitor) -> None:
    """422, the message beside its field, what was typed kept, nothing changed."""
    for name, key, cells, field in WRONG:
        status, page = send(admin, name, key, **cells)
        assert status == 422 and f'id="{field}-err"' in page, (name, cells)
    with open_session(SYSTEM, readonly=True) as session:
        assert session.scalars(select(lists.ListRow)).all() == []
    _, page = send(admin, "specialties", "cardiology", label="", aliases="heart <b>")
    assert "heart &lt;b&gt;" in page


def test_an_advisory_is_read_where_people_decide(web_app: Flask, admin: Visitor) -> None:
    """On the listing, beside the request and in the agency's editor, with its source's date."""
    market, ana = factories.market(), factories.candidate()
    made = factories.booking(market, ana, "held")
    editor = f"/agency/{market.agency_slug}/listings/{market.slug}/edit/scope"
    places = {
        f"/rotations/{market.slug}": web_app.test_client(),
        f"/me/bookings/{made.reference}/eligibility": client_of(web_app, ana.id),
        editor: client_of(web_app, market.staff["manager"]),
    }
    news = "Illinois is not listed: ask the site which rules it has read."
    cells = {"text": news, "source_date": "2026-03-05"}
    assert send(admin, "state_advisories", "*/scope-of-practice", **cells)[0] == 303
    refresh()
    for path, client in places.items():
        page = words_of(client.get(path).text).replace("\xa0", " ")
        assert news in page, path
        assert "Every state has its own rules about who" not in page, path
        assert "An officer may ask what you will do" in page, path  # visa_facts.csv
        assert ("As of Mar 5, 2026." in page) == (not path.startswith("/me/")), path


def test_who_stays_at_home_reads_of_no_border(web_app: Flask, site: Flask) -> None:
    market = factories.market()
    with open_session(SYSTEM) as session:
        row = session.get_one(Rotation, market.rotation_id)
        row.setting, row.type, row.accepts = "remote", "virtual", ["student"]
    page = words_of(web_app.test_client().get(f"/rotations/{market.slug}").text)
    assert "you do not enter the United States" in page and "Visa facts (1)" in page
    assert "what the state says" not in page and "An officer may ask" not in page


def test_first_the_effect_then_the_change(admin: Visitor) -> None:
    status, page = send(admin, "specialties", "cardiology", label="Heart medicine", step="look")
    assert status == 200
    assert "0 listings use this row" in page and "<del>Cardiology</del>" in page
    assert "<ins>Heart medicine</ins>" in page and "Save change" in page
    refresh()
    assert catalog.specialty("cardiology").label == "Cardiology"


def test_a_fixed_list_keeps_its_rows(admin: Visitor) -> None:
    """A forged box: fees and rules are changed, never retired."""
    fixed = [name for name, sheet in SHEETS.items() if sheet.fixed]
    assert fixed
    for name in fixed:
        key = reference.key_of(name, list_edit.lines(name)[0])
        assert send(admin, name, key, retired="1")[0] == 303
    with open_session(SYSTEM, readonly=True) as session:
        assert [row.retired for row in session.scalars(select(lists.ListRow))] == [False] * len(
            fixed
        )


def test_what_names_a_row_never_changes(admin: Visitor) -> None:
    assert send(admin, "specialties", "cardiology", slug="hearts", label="Hearts")[0] == 303
    refresh()
    assert catalog.specialty("cardiology").label == "Hearts"
    assert "hearts" not in {one["slug"] for one in reference.rows("specialties")}


def test_a_city_is_there_once(admin: Visitor) -> None:
    there = next(row for row in reference.rows("us_cities") if row["name"] == "Chicago")
    cells = {column.name: there.get(column.name, "") for column in SHEETS["us_cities"].columns}
    status, page = send(admin, "us_cities", **cells | {"geonameid": "99999999"})
    assert status == 422 and "There is a city of this name in this state already." in page


def test_two_at_once_and_who_may(admin: Visitor) -> None:
    assert send(admin, "specialties", "cardiology", label="Heart")[0] == 303
    assert send(admin, "specialties", "cardiology", label="Hearts")[0] == 409  # seen: version 0
    assert send(admin, "specialties", "cardiology", label="Hearts", version="1")[0] == 303
    values = dict(list_edit.line("specialties", "urology"))
    for kind in ("agency", "candidate", "system"):
        with pytest.raises(Forbidden), open_session(SYSTEM) as session:
            lists.save(
                session,
                Actor(kind),  # type: ignore[arg-type]
                name="specialties",
                values=values,
                retired=False,
                version=0,
                reason=WHY,
            )
    for missing in ("/admin/lists/words", "/admin/lists/specialties/edit?key=zz"):
        assert admin.get(missing).status_code == 404


def test_no_cache_forgets_to_be_emptied() -> None:
    """Whoever derives something from an editable list uses `derived`, or is emptied with it."""
    kept = "marketplace/listings/{}.py"
    for name in ("catalog", "cities", "seasons"):
        source = (reference.DATA.parents[1] / kept.format(name)).read_text()
        assert "@cache" not in source and "lru_cache" not in source
    with pytest.raises(Invalid):
        list_edit.checked(SHEETS["specialties"], {}, None)


# --- announcements ------------------------------------------------------------------------------


def announce(**values: object) -> str:
    """The short name of a new one."""
    now = clock.now()
    with open_session(SYSTEM) as session:
        row = announcements.write(
            session,
            PAT,
            **{  # type: ignore[arg-type]
                "text": "Payments pause tonight.",
                "sides": ("agency",),
                "from_at": now - timedelta(hours=1),
                "until_at": now + timedelta(hours=1),
                "dismissible": True,
                "reason": WHY,
            }
            | values,
        )
        return row.id.hex[-12:]


def test_an_announcement_is_for_its_sides_and_its_time(site: Flask, admin: Visitor) -> None:
    member(agency(), person("own@people.example"), "owner")
    owner = Visitor(site)
    owner.sign_in("own@people.example")
    announce()
    team = "/agency/lakeshore/team"
    assert "Payments pause tonight." in owner.get(team).text
    assert "Payments pause" not in owner.get("/me/account").text
    assert "Payments pause" not in Visitor(site).get("/sign-in").text
    clock.advance(timedelta(hours=2))
    assert "Payments pause" not in owner.get(team).text


def test_hiding_it(site: Flask, admin: Visitor) -> None:
    announce(sides=("public", "candidate"))
    firm = announce(text="This one stays for all.", sides=("public",), dismissible=False)
    guest = Visitor(site)
    page = guest.get("/sign-in").text
    assert "Payments pause" in page and "This one stays" in page
    path = page.split('action="/news/')[1].split('"')[0]
    answer = guest.post(f"/news/{path}", next="/sign-in")
    assert answer.headers["Location"] == "/sign-in"
    page = guest.get("/sign-in").text
    assert "Payments pause" not in page and "This one stays" in page
    guest.post(f"/news/{firm}/hide")
    assert "This one stays" in guest.get("/sign-in").text
    assert guest.post("/news/zz/hide", next="//evil.example").headers["Location"] == "/"


def test_writing_and_taking_down(site: Flask, admin: Visitor) -> None:
    path = "/admin/announcements"
    form = {"text": "New rules <b>from</b> Monday on.", "sides": "public", "reason": WHY,
            "from": "2020-01-01T08:00", "until": "2020-12-31T08:00"}  # fmt: skip
    wrong = admin.post(path, admin.token(path), **form)
    assert wrong.status_code == 422 and "This is over already." in wrong.text
    assert "New rules &lt;b&gt;from&lt;/b&gt;" in wrong.text
    now = clock.now()
    form["from"] = now.strftime("%Y-%m-%dT%H:%M")
    form["until"] = (now + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    for missing in ({"text": "Short"}, {"sides": "zz"}, {"from": "x"}, {"reason": ""}):
        assert admin.post(path, admin.token(path), **form | missing).status_code == 422
    assert admin.post(path, admin.token(path), **form).status_code == 303
    assert "New rules &lt;b&gt;" in Visitor(site).get("/sign-in").text
    end = admin.get(path).text.split('action="/admin/announcements/')[1].split('"')[0]
    assert admin.post(f"{path}/{end}", admin.token(path)).status_code == 303
    assert "New rules" not in Visitor(site).get("/sign-in").text
    assert admin.post(f"{path}/{end}", admin.token(path)).status_code == 409
    with pytest.raises(Forbidden), open_session(SYSTEM) as session:
        announcements.write(session, Actor("agency"), text="x", sides=(), from_at=now,
                            until_at=now, dismissible=True, reason="")  # fmt: skip
    with pytest.raises(Forbidden), open_session(SYSTEM) as session:
        gone = session.scalars(select(announcements.Announcement)).one()
        announcements.end(session, Actor("agency"), gone.id, WHY)
    with pytest.raises(Conflict), open_session(SYSTEM) as session:
        gone = session.scalars(select(announcements.Announcement)).one()
        announcements.end(session, PAT, gone.id, WHY)


@pytest.mark.parametrize(
    ("cells", "field"),
    [
        ({"subject": "attending", "required": "yes"}, "required"),
        ({"subject": "site", "required": "yes"}, "settings"),
        ({"settings-inpatient": "1"}, "settings"),
        ({"expiry": "none", "max_days": "365"}, "max_days"),
        ({"since": "2027-02-30"}, "since"),
        ({"slug": "insurance"}, "slug"),
        ({"help": "short"}, "help"),
    ],
)
def test_a_new_kind_of_evidence_is_checked(
    admin: Visitor, cells: dict[str, str], field: str
) -> None:
    good = {
        "slug": "w-9",
        "label": "Form W-9",
        "help": "Signed and dated by an officer of the agency.",
        "subject": "agency",
        "required": "yes",
        "since": "",
        "expiry": "none",
        "max_days": "",
        "number_label": "",
    }
    status, page = send(admin, "evidence_kinds", **good | cells)
    assert status == 422 and f'id="{field}-err"' in page
    assert send(admin, "evidence_kinds", **good)[0] == 303
    refresh()
    assert kinds.required()[-1].slug == "w-9"


def test_a_kind_keeps_what_it_is_about_and_can_be_retired(admin: Visitor) -> None:
    status, page = send(admin, "evidence_kinds", "insurance", subject="site", required="no")
    assert status == 422 and "Add another kind" in page
    assert send(admin, "evidence_kinds", "insurance", retired="1")[0] == 303
    refresh()
    assert [one.slug for one in kinds.required()] == ["registration"]
    with pytest.raises(NotFound):
        kinds.kind("insurance")
