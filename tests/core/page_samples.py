"""A full context for every page template: what its opening comment promises, in plain data."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace as Made

from marketplace.core.deadlines import due

NOW = datetime(2026, 11, 24, 16, 20, tzinfo=UTC)
CHICAGO = "America/Chicago"
START, END = date(2027, 3, 1), date(2027, 3, 26)


def _due(hours: float) -> object:
    return due(NOW + timedelta(hours=hours), NOW, CHICAGO)


AGENCY = Made(slug="lakeshore", name="Lakeshore Clinical Partners", role="coordinator")
VIEWER = Made(
    name="Amara Nwosu",
    email="amara@example.test",
    is_admin=False,
    is_attending=False,
    attends_for=(),
    agencies=[],
)
DANA = Made(
    name="Dana Whitfield",
    email="dana@example.test",
    is_admin=False,
    is_attending=False,
    attends_for=(),
    agencies=[AGENCY, Made(slug="harborline", name="Harborline Rotations", role="owner")],
)
OKAFOR = Made(
    name="Dr. Samuel Okafor",
    email="s.okafor@example.test",
    is_admin=False,
    is_attending=True,
    attends_for=(),
    agencies=[],
)


def _row(label: str, cents: int, on: date, kind: str, status: str) -> Made:
    return Made(label=label, cents=cents, due=on, kind=kind, status=status)


ROWS = [
    _row("Deposit", 45_000, date(2026, 11, 27), "deposit", "paid"),
    _row("Installment 1 of 3", 60_000, date(2026, 12, 19), "part", "next"),
    _row("Installment 2 of 3", 60_000, date(2027, 1, 10), "part", "later"),
    _row("Installment 3 of 3", 60_000, date(2027, 2, 1), "part", "later"),
]
REFUND = [
    Made(percent=100, since=None, until=date(2026, 12, 31), cents=105_000, paid=105_000),
    Made(percent=50, since=date(2027, 1, 1), until=date(2027, 1, 30), cents=82_500, paid=165_000),
    Made(percent=0, since=date(2027, 1, 31), until=None, cents=0, paid=225_000),
]
ORDER = Made(
    specialty="Cardiology",
    doctor="Isabel Fuentes",
    doctor_short="Dr. Fuentes",
    tint="card",
    site="Coral Heart Institute",
    place="Miami, FL",
    agency="Meridian Clinical Placements",
    level="Hands-on, inpatient",
    start=START,
    end=END,
    weeks=4,
    price=225_000,
    rows=ROWS,
    refund=REFUND,
)
SIMILAR = [
    Made(
        url="/rotations/menon",
        specialty="Internal medicine",
        doctor="Rajiv Menon",
        tint="im",
        site="Hudson Teaching Hospital",
        place="New York, NY",
        level="Hands-on, inpatient",
        hands="hands-on",
        why="Same level, larger ward",
        cents=239_000,
        weeks=4,
        start=date(2027, 2, 1),
    )
]
MONTHS = [
    ("January", [Made(date=date(2027, 1, 18), left=0, capacity=3, url="", waitlist_url="/w")]),
    (
        "March",
        [
            Made(date=START, left=2, capacity=3, url="?start=2027-03-01", waitlist_url=""),
            Made(date=date(2027, 3, 15), left=1, capacity=3, url="?s=2", waitlist_url=""),
        ],
    ),
]
LENGTHS = [
    Made(weeks=2, cents=124_000, end=date(2027, 3, 12), url="?weeks=2"),
    Made(weeks=4, cents=225_000, end=END, url="?weeks=4"),
    Made(weeks=6, cents=318_000, end=date(2027, 4, 9), url="?weeks=6"),
    Made(weeks=8, cents=408_000, end=date(2027, 4, 23), url="?weeks=8"),
]
CHOICE = Made(
    months=MONTHS,
    lengths=LENGTHS,
    start=START,
    end=END,
    weeks=4,
    place="Miami",
    price=225_000,
    left=2,
    capacity=3,
    rows=ROWS,
    refund=REFUND,
    request_url="/request/fuentes/dates",
)
FIT = Made(
    kind="if",
    title="Fits you, if you send 4 documents by January 30",
    text="You meet every rule: graduate, Step 1 passed, English.",
    url="#requirements",
    action="See what you have",
)
ROTATION = Made(
    slug="fuentes",
    url="/rotations/fuentes",
    specialty="Cardiology",
    specialty_url="/rotations?specialty=cardiology",
    doctor="Isabel Fuentes",
    doctor_short="Dr. Fuentes",
    tint="card",
    site="Coral Heart Institute",
    place="Miami, FL",
    city="Miami",
    state_name="Florida",
    state_url="/rotations?state=FL",
    agency="Meridian Clinical Placements",
    agency_url="/agencies/meridian",
    tags=[("Hands-on", "hands-on"), ("Inpatient", ""), ("Graduates and students", "")],
    key=[
        Made(value="4.9", of="of 5", text="38 verified reviews", url="#reviews"),
        Made(value="96%", of="", text="of the listing held true", url="#truth"),
        Made(value="2 to 1", of="at most", text="trainees per attending", url=""),
        Made(value="38 hours", of="", text="a week, days only", url=""),
    ],
    levels=[
        Made(label="Hands-on", line="inpatient", on=True),
        Made(label="Hands-on", line="outpatient", on=False),
        Made(label="Observership", line="inpatient", on=False),
        Made(label="Observership", line="outpatient", on=False),
        Made(label="Virtual", line="", on=False),
    ],
    level_lead="Hands-on, inpatient: the strongest of five levels.",
    scope=[
        Made(label="Take histories", kind="yes", why="From day 2, alone, then presented"),
        Made(label="Examine patients", kind="sup", why="Dr. Fuentes or a fellow in the room"),
        Made(label="Place orders", kind="no", why="Not allowed for visitors"),
    ],
    signed_on=date(2026, 10, 28),
    week=[Made(day="Monday", morning="Ward rounds", afternoon="Consult service")],
    week_heads=("Morning, from 7:30", "Afternoon, to 3:30"),
    about="Cardiologist at Coral Heart Institute since 2014.",
    checked=[
        Made(fact="Florida medical license, active", source="State look-up", on=date(2026, 11, 3))
    ],
    split=[
        Made(label="Dr. Fuentes, teaching", cents=112_500, percent=50),
        Made(label="Meridian, placement and support", cents=112_500, percent=50),
    ],
    split_total=225_000,
    split_lead="For four weeks. Until the milestones the money is held.",
    refund_lead="For the start on Mar 1, 2027. Each day ends at 11:59 PM in Miami.",
    always=[("The agency, hospital or Dr. Fuentes cancels:", "100% back, our fee included.")],
    requirements=[
        Made(label="Passport", detail="Valid to Aug 2031", state="have", by=None),
        Made(label="TB blood test", detail="", state="renew", by=date(2027, 1, 30)),
        Made(label="BLS certificate", detail="", state="miss", by=date(2027, 1, 30)),
        Made(label="Background check", detail="", state="incl", by=None),
        Made(label="Diploma", detail="", state="needed", by=None),
    ],
    requirements_lead="You have 4 of 8. The rest are due Jan 30, 2027.",
    letter_lead="Dr. Fuentes writes when she can say something true and specific.",
    letter=[("Who writes", "Dr. Fuentes herself"), ("You need", "Four weeks or more")],
    truth=Made(
        percent=96,
        matching=183,
        total=190,
        floor=90,
        items=[Made(label="Took histories", n=38, of=38), Made(label="Wrote notes", n=36, of=38)],
    ),
    rating="4.9",
    review_count=38,
    dims=[("Teaching", "4.9"), ("As described", "4.8")],
    reviews=[
        Made(
            who="Bilal H.",
            what="Graduate, Lahore",
            finished=date(2026, 9, 21),
            stars=5,
            text="I presented three patients on the second morning.",
            held="Ratio differed: 3 to 1 in one week",
            held_kind="warn",
            reply_by="Meridian",
            reply="True. A date was moved.",
        )
    ],
    reviews_url="/rotations/fuentes/reviews",
    record_lead="Arranges this rotation and answers your messages.",
    record=[Made(label="Confirms a request in", value="19 hours", note="median of 168 bookings")],
    notices=[Made(text="Florida has its own rules.", source_date="2022", shown_date="2022")],
    visa_facts=[Made(situation="At the border", text="An officer may ask what you will do.")],
    similar=SIMILAR,
)
STEPS = [
    Made(title="Request sent", state="done", who="You, Nov 22"),
    Made(title="Agency checks", state="done", who="Meridian, Nov 23"),
    Made(title="Attending accepts", state="done", who="Dr. Fuentes, Nov 25"),
    Made(title="Confirmed", state="now", who="You: documents by Sat, Jan 30"),
    Made(title="First day", state="next", who="Mon, Mar 1, 7:30 AM"),
]
BOOKING = Made(
    reference="RND-7F3K2M",
    url="/me/bookings/RND-7F3K2M",
    specialty="Cardiology",
    doctor="Isabel Fuentes",
    doctor_short="Dr. Fuentes",
    tint="card",
    site="Coral Heart Institute",
    place="Miami, FL",
    agency="Meridian Clinical Placements",
    agency_short="Meridian",
    city="Miami",
    level="Hands-on, inpatient",
    start=START,
    end=END,
    weeks=4,
    price=225_000,
    terms_url="/terms/3",
    terms="Version 3, accepted",
    tag="Confirmed",
    tag_kind="good",
    title="You are confirmed. Four documents to go",
    lead="Send the missing documents by Saturday, January 30.",
    poll_url="",
    steps=STEPS,
    actions=[
        Made(label="Send documents", url="#docs", kind="accent", ico="", post=False),
        Made(label="Add to calendar", url="/x.ics", kind="line", ico="calendar-plus", post=False),
        Made(label="Try the card again", url="/x", kind="line", ico="", post=True),
    ],
)
REQUEST = {
    "viewer": VIEWER,
    "steps": [("/d", "Dates"), ("/e", "Eligibility"), ("/r", "Review and card")],
    "order": ORDER,
    "hold": Made(
        seconds_left=990,
        until_site="2:50 PM",
        place="Miami",
        until_own="8:50 PM",
        extend_url="/hold/x/extend",
    ),
    "action": "/request/fuentes/next",
    "back_url": "/back",
    "errors": {},
    "idempotency_key": "k",
}
QUESTIONS = [
    "status",
    "student_year",
    "graduation_date",
    "birth_date",
    "usmle_step_1",
    "usmle_step_2_ck",
    "home_school_vslo",
    "needs_visa",
    "entry_status",
]
CARD = Made(
    payment_method="",
    publishable_key="pk_test",
    client_secret="seti_secret",
    return_url="/back",
    intent="setup",
    js_url="https://js.stripe.com/v3/",
    hosted_url="/card/hosted",
    error=None,
)
PLACEMENT = Made(
    candidate="Thandiwe Khumalo",
    first_name="Thandiwe",
    initials="TK",
    standing="Final-year student, graduates Dec 2027",
    school="Drakensberg School of Medicine, South Africa",
    agency="Lakeshore Clinical Partners",
    agency_phone="(312) 555-0142",
    reference="RND-3CM7PF",
    doctor="Samuel Okafor",
    start=date(2027, 2, 8),
    end=date(2027, 3, 5),
    weeks=4,
    dates_note="your week: 1 of 2 places taken",
    where="Lakeshore Teaching Hospital, wards 4 and 5",
    facts=[("Exams", "Step 1 passed"), ("Documents", "5 of 7 in, checked by Lakeshore")],
    quote="I want to learn how you run family meetings.",
    asked=[("users", "Up to 2 trainees at a time"), ("wallet", "Your fee: $900")],
    asked_note="As you signed on Oct 6",
)
TABLE_ROW = Made(
    reference="RND-4QX8WD",
    url="/agency/lakeshore/bookings/RND-4QX8WD",
    candidate="Mateo Salgado",
    initials="MS",
    hue=4,
    standing="Graduate 2024 · Mexico",
    specialty="Cardiology",
    doctor="Leah Goldstein",
    start=date(2027, 1, 18),
    weeks=4,
    state="New request",
    tone="warn",
    next="You answer",
    due=_due(5.8),
    have=3,
    want=7,
    price=249_000,
)
WEEKS = [
    Made(key="2026-W48", start=date(2026, 11, 23), capacity=2, taken=[1, 1], note="this week"),
    Made(key="2026-W52", start=date(2026, 12, 21), capacity=0, taken=[0, 0], note="Away"),
    Made(key="2027-W01", start=date(2027, 1, 4), capacity=3, taken=[2, 0], note=""),
]
CHART_WEEKS = ["Sep 7", "Sep 14", "Sep 21"]

PAGES: dict[str, dict[str, object]] = {
    "listings/home.html": {
        "viewer": None,
        "examples": ["hands-on cardiology in Florida under $2,500"],
        "proof": Made(
            url="/rotations/fuentes",
            specialty="Cardiology",
            doctor="Isabel Fuentes",
            doctor_short="Dr. Fuentes",
            tint="card",
            site="Coral Heart Institute",
            place="Miami, FL",
            checked_on=date(2026, 11, 3),
            yours=8,
            activities=12,
            weeks=4,
            price=225_000,
            refund=REFUND,
        ),
        "specialties": [
            Made(
                label="Internal medicine",
                url="/rotations?specialty=internal-medicine",
                icon="stethoscope",
                tint="im",
                count=5,
                from_cents=59_000,
            )
        ],
        "specialty_count": 13,
        "places": [Made(name="Texas", url="/rotations?state=TX", count=4, from_cents=142_000)],
        "more_places": 7,
        "map": Made(states=["TX", "FL", "NY"], open=["TX"], dots=[(510, 509)]),
        "counted": "Counted from 24 open rotations on Nov 22, 2026.",
        "truth": Made(percent=95, total=2310),
    },
    "listings/show.html": {
        "viewer": VIEWER,
        "fit": FIT,
        "saved": False,
        "c": CHOICE,
        "r": ROTATION,
    },
    "bookings/request_dates.html": REQUEST
    | {
        "months": [("March 2027", [Made(offering_id="o1", date=START, left=2, capacity=2)])],
        "lengths": LENGTHS,
        "chosen": "o1",
        "weeks": 4,
        "place": "Miami",
        "free": [Made(date=START, left=1, url="/me/request/fuentes?offering=o1")],
        "rotation": Made(slug="fuentes", form_key="k", url="/rotations/fuentes"),
    },
    "bookings/request_eligibility.html": REQUEST
    | {
        "fit": FIT,
        "you": [("Name", "Amara Nwosu"), ("Status", "Graduate, June 2024")],
        "profile_url": "/me/profile",
        "why_hint": "Dr. Fuentes reads this first.",
        "release_url": "/release",
        "notes": ["A letter may be late."],
        "asked": QUESTIONS,
        "sent": {"status": "graduate", "why": "I finished my house job.", "adult": "1"},
        "choices": {
            name: [("a", "One"), ("b", "Two")]
            for name in QUESTIONS
            if name not in ("graduation_date", "birth_date")
        },
        "advisories": ["Florida has its own rules."],
        "visa_facts": ["At the border an officer may ask."],
        "documents": [
            Made(label="Passport", state="have", by=None),
            Made(label="BLS certificate", state="miss", by=date(2027, 1, 30)),
        ],
        "documents_lead": "None is needed today.",
    },
    "bookings/request_review.html": REQUEST
    | {
        "next_steps": [Made(title="Meridian checks your request", by="by Tue, Nov 24")],
        "latest": date(2026, 11, 27),
        "terms_url": "/terms/3",
        "terms_version": 3,
        "card": None,
        "ticked": ["ok_share"],
        "travel": "Holds a visa",
        "shown": "digest",
        "changed": True,
        "dates_url": "/d",
    },
    "bookings/request_card.html": REQUEST
    | {
        "title": "Pay the deposit with another card",
        "lead": "Your seat is safe until Friday, 11:05 AM.",
        "card": CARD,
        "button": "Pay $450",
        "amount": 45_000,
        "returned": False,
        "again_url": "/again",
        "setup": "seti_1",
    },
    "bookings/show.html": {
        "viewer": VIEWER,
        "b": BOOKING,
        "alternatives": Made(
            title="Three seats, kept for you until Friday",
            lead="Same price or less.",
            rows=[
                Made(
                    specialty="Cardiology",
                    doctor="Leah Goldstein",
                    tint="card",
                    site="Hudson",
                    place="New York, NY",
                    level="Hands-on, outpatient",
                    hands="hands-on",
                    why="Same weeks",
                    start=START,
                    pay=225_000,
                    instead_of=249_000,
                    seats=1,
                    take_url="/take",
                    url="/rotations/goldstein",
                )
            ],
        ),
        "outcome": [
            Made(label="Certificate", line="4 weeks", url="/c", action="Open"),
            Made(label="Letter", line="Due", url="", status_kind="info", status="Due Apr 23"),
        ],
        "documents": Made(
            head="2 accepted, 4 to send",
            lead="",
            rows=[
                Made(
                    label="TB blood test",
                    line="Upload by Jan 30",
                    state="todo",
                    url="/u",
                    action="Upload",
                    upload=True,
                ),
                Made(label="Badge photo", line="Sent Nov 29", state="check"),
                Made(label="Passport", line="Valid to Aug 2031", state="ok"),
            ],
        ),
        "messages": Made(
            head="Meridian usually answers in 5 hours",
            post_url="/m",
            placeholder="Write to Meridian",
            empty="No messages yet.",
            rows=[
                Made(
                    who="Lena Ortiz",
                    role="Meridian, coordinator",
                    mine=False,
                    when="Nov 27, 9:12 AM",
                    text="Welcome, Amara.",
                    files=[Made(name="TB form.pdf", size="84 KB", url="/f")],
                ),
                Made(who="You", role="", mine=True, when="Nov 27", text="Thank you.", files=[]),
            ],
        ),
        "money": Made(
            big=45_000,
            big_text="paid of $2,250",
            rows=ROWS,
            total=225_000,
            total_label="",
            fine="Visa ending 4242 is charged $600 on December 19.",
            fine_link=Made(label="Receipt", url="/receipt"),
            links=[Made(label="Pay early", url="/early")],
        ),
        "change": Made(
            steps=REFUND,
            text="",
            fine="Cancel today and all $450 comes back.",
            actions=[Made(label="Cancel", url="/cancel", kind="bad", ico="", post=False)],
        ),
        "details": [("Agency", "Meridian"), ("First day", "7:30 AM, Miami time")],
        "refunds": [Made(when="Jan 12", cents=45_000, text="On its way")],
        "history": [Made(when="Sun, Nov 22, 2:33 PM", text="You held a seat")],
    },
    "bookings/ended.html": {
        "viewer": VIEWER,
        "title": "Your 20 minutes are over",
        "text": "The seat is open again.",
        "order": ORDER,
        "weeks": 4,
        "free": [Made(date=START, left=1, url="/me/request/fuentes?offering=o1")],
        "again_url": "/me/request/fuentes",
    },
    "bookings/terms.html": {
        "viewer": VIEWER,
        "b": BOOKING,
        "version": 3,
        "frozen_on": date(2026, 11, 22),
        "activities": [("Take histories", "Yes"), ("Examine patients", "Supervised")],
        "documents": ["Passport"],
        "refund": REFUND,
        "policy": "Cancel 60 days or more before the start: 100% back.",
        "letter": "Writes a letter when the work earns it",
    },
    "bookings/all.html": {
        "viewer": VIEWER,
        "bookings": [
            Made(
                url="/b",
                specialty="Cardiology",
                doctor="Isabel Fuentes",
                tint="card",
                place="Miami, FL",
                start=START,
                end=END,
                tag="Confirmed",
                tag_kind="good",
                next="Starts on Mar 1",
            )
        ],
    },
    "bookings/cancel.html": {
        "viewer": VIEWER,
        "b": BOOKING,
        "refund": Made(
            cents=45_000,
            card="Visa ending 4242",
            paid=45_000,
            kept=0,
            kept_reason="0%, you cancel on or before Dec 31, 2026",
            not_charged=180_000,
            not_charged_text="Three installments, not charged",
        ),
        "steps": REFUND,
        "place": "Miami",
        "reasons": [("visa", "My visa was refused"), ("other", "Another reason")],
        "reason": "",
        "change_url": "/dates",
        "action": "/cancel",
        "errors": {},
    },
    "bookings/mine.html": {
        "viewer": VIEWER,
        "first_name": "Amara",
        "lead": "Three things need you. The first is due on Wednesday.",
        "todos": [
            Made(
                date=date(2026, 12, 2),
                away="in 2 days",
                title="Answer Meridian about your arrival",
                line="Lena needs your flight date.",
                url="/m",
                action="Answer",
                first=True,
            ),
            Made(
                date=date(2027, 1, 30),
                away="in 61 days",
                title="Send 4 documents",
                line="Start with the TB test.",
                url="/d",
                action="Send",
                first=False,
            ),
        ],
        "bookings": [
            Made(
                url="/b",
                specialty="Cardiology",
                doctor="Isabel Fuentes",
                tint="card",
                place="Miami, FL",
                start=START,
                end=END,
                tag="Confirmed",
                tag_kind="good",
                next="You, by Jan 30: documents",
            )
        ],
        "bookings_url": "/me/bookings",
        "suggested": SIMILAR,
        "suggested_lead": "Open to graduates.",
        "suggested_count": 9,
        "season": Made(
            title="Toward September",
            rows=[Made(label="Now", words="1 rotation confirmed", now=True)],
            fine="Usual dates.",
        ),
        "documents": [("Accepted", "6"), ("To send", "4, by Jan 30")],
        "payments": Made(
            paid=45_000, total=225_000, rows=[Made(date=date(2026, 12, 19), cents=60_000)]
        ),
    },
    "reviews/form.html": {
        "viewer": VIEWER,
        "b": BOOKING,
        "lead": "About four minutes.",
        "activities": [
            Made(key="history", label="Take histories", listed="yes", answer=""),
            Made(key="orders", label="Place orders", listed="no", answer="yes"),
        ],
        "differences": ["Orders: listed as no, you say yes."],
        "questions": [
            Made(
                name="ratio",
                label="How many trainees shared Dr. Fuentes?",
                hint="Listed: two at most.",
                options=[("1", "Only me"), ("2", "Two"), ("3", "Three"), ("4", "More")],
                answer="",
            )
        ],
        "dimensions": [Made(key="teaching", label="Teaching", line="Explained", answer=0)],
        "text": "",
        "text_hint": "",
        "confirmed": False,
        "action": "/review",
        "errors": {"a-history": "Choose one.", "r-teaching": "Choose one.", "confirmed": "Tick."},
    },
    "placements/decide.html": {
        "p": PLACEMENT,
        "due": _due(64),
        "accept_label": "Accept Feb 8 to Mar 5",
        "starts": [("2027-01-25", "Jan 25"), ("2027-02-15", "Feb 15")],
        "reasons": [("away", "I am away"), ("other", "Other")],
        "action": "/decide/t",
        "wrong_url": "/decide/t/wrong-person",
        "errors": {"reason": "Choose a reason"},
    },
    "placements/decide_done.html": {
        "p": PLACEMENT,
        "choice": "accept",
        "title": "Accepted. Thank you, Dr. Okafor",
        "message": "Thandiwe Khumalo joins you Mon Feb 8 to Fri Mar 5, 2027.",
        "undo_until": "10:35 AM",
        "undo_url": "/decide/t/undo",
        "undo_note": "Her deposit is charged only after that.",
        "steps": [("You accepted", "Tue Nov 24", "done"), ("Deposit charged", "$330", "now")],
        "calendar_url": "/decide/t/calendar.ics",
        "home_url": "/attending",
    },
    "placements/decide_state.html": {
        "p": PLACEMENT,
        "state": "expired",
        "title": "The time to answer ended Fri Nov 27, 8:15 AM",
        "message": "The request went back to the candidate, who was not charged.",
        "actions": [
            Made(label="I still have a place", url="/decide/t/again", kind="accent", post=True),
            Made(label="Open my requests", url="/attending", kind="line", post=False),
        ],
    },
    "placements/attending_home.html": {
        "viewer": OKAFOR,
        "counts": {"home": 3, "sign": 1},
        "title": "Tuesday, Nov 24",
        "lead": "2 trainees with you this week",
        "requests": [
            Made(
                candidate="Yusuf Demir",
                initials="YD",
                hue=2,
                line="Graduate 2023 · Mar 8 to Apr 2",
                due=_due(17),
                url="/attending/requests/x",
            )
        ],
        "here": [
            Made(
                name="Lucía Paredes",
                initials="LP",
                hue=4,
                line="Week 1 of 4 · Checked in",
                agency="Lakeshore",
                action=Made(label="Confirm hours", url="/h", post=True, ico="check"),
            ),
            Made(
                name="Ravi Deshmukh",
                initials="RD",
                hue=5,
                line="Week 3 of 4",
                agency="Great Plains",
                action=Made(label="Evaluate", url="/e", post=False, accent=True, ico="pen-line"),
            ),
        ],
        "to_sign": [Made(title="Internal medicine, version 7", line="Ratio changed.", url="/s")],
        "weeks": WEEKS,
        "letters": [Made(name="Ji-woo Han", line="Agreed Oct 23.", due=_due(-90), url="/l")],
    },
    "placements/capacity.html": {
        "viewer": OKAFOR,
        "agencies": ["Lakeshore", "Great Plains"],
        "weeks": WEEKS,
        "largest": 6,
        "action": "/attending/capacity",
    },
    "placements/cosign.html": {
        "viewer": OKAFOR,
        "listing": Made(
            title="Internal medicine, version 7",
            version=7,
            agency="Lakeshore",
            signed_on=date(2026, 10, 6),
        ),
        "changed": ["procedures", "trainees at a time"],
        "scope": [
            Made(key="history", label="Take a history", level="Supervised", was="", answer="y"),
            Made(key="proc", label="Procedures", level="Supervised", was="No", answer=""),
        ],
        "facts": [
            Made(label="Trainees at a time", words="2", was="3"),
            Made(label="Hours a week", words="40", was=""),
        ],
        "full_name": "Samuel Okafor",
        "sure": False,
        "action": "/attending/sign/x",
        "return_url": "/attending/sign/x/return",
        "errors": {"s-proc": "Answer yes or no.", "sure": "Tick to sign."},
    },
    "placements/evaluate.html": {
        "t": Made(
            name="Ravi Deshmukh",
            first_name="Ravi",
            agency="Great Plains",
            kind="Mid-point, week 3 of 4",
            letter_question="Would you write a letter if it ended today?",
        ),
        "competencies": [Made(key="care", label="Patient care", answer="")],
        "scale": [("1", "Early"), ("2", "Almost"), ("3", "On level")],
        "skills": [("present", "Presenting"), ("notes", "Notes")],
        "best": ["present"],
        "work": [],
        "sentence": "",
        "action": "/evaluate/t",
        "done": False,
        "home_url": "/attending",
    },
    "agency/home.html": {
        "viewer": DANA,
        "agency": AGENCY,
        "counts": {"home": 7, "bookings": 13},
        "greeting": "Good morning, Dana",
        "lead": "Tuesday, Nov 24 · all times are Chicago time",
        "needs_head": "7 things, 2 overdue",
        "needs": [
            Made(
                title="Overdue",
                items=[
                    Made(
                        due=_due(-17),
                        title="Review Farhan Siddiqui's immunization record",
                        line="Internal medicine · starts Jan 4",
                        action="Review",
                        url="/r",
                    )
                ],
            )
        ],
        "arrivals": [
            Made(
                title="Mon Nov 30",
                items=[
                    Made(
                        name="Ikenna Obi",
                        initials="IO",
                        hue=6,
                        line="Cardiology",
                        state="Badge form missing",
                        tone="bad",
                    )
                ],
            )
        ],
        "arrivals_url": "/agency/lakeshore/bookings?view=arriving",
        "money": [("Held for your bookings", 840_763)],
        "statement_url": "",
        "onboarding": None,
        "charts": [
            ("Requests this week", "24", "Market median 13", "bars", [11, 9, 24], 13, CHART_WEEKS)
        ],
        "numbers": [
            Made(
                label="Time to answer a request",
                me=9,
                median=31,
                p25=18,
                p75=44,
                lo=0,
                hi=60,
                unit="h",
                tone="good",
                words="22 h faster",
            )
        ],
        "numbers_lead": "Last 12 weeks, beside the anonymous median of 38 agencies",
    },
    "agency/bookings.html": {
        "viewer": DANA,
        "agency": AGENCY,
        "csv_url": "/agency/lakeshore/bookings.csv",
        "action": "/agency/lakeshore/bookings",
        "bulk_url": "/agency/lakeshore/bookings/bulk",
        "views": [
            Made(key="needs", label="Needs me", count=4, url="?view=needs", hot=True),
            Made(key="all", label="All", count=13, url="?view=all", hot=False),
        ],
        "view": "needs",
        "q": "",
        "status": "",
        "specialty": "",
        "sort": "due",
        "statuses": [("requested", "New request")],
        "specialties": [("cardiology", "Cardiology")],
        "clear_url": "?",
        "all_url": "?view=all",
        "total": 13,
        "sorts": {
            key: ("ascending" if key == "due" else "", f"?sort={key}")
            for key in ("name", "start", "due", "total")
        },
        "sorted_by": "deadline",
        "rows": [TABLE_ROW],
        "may_act": True,
        "page": 1,
        "pages": 1,
    },
    "agency/booking.html": {
        "viewer": DANA,
        "agency": AGENCY,
        "b": Made(**(vars(TABLE_ROW) | {"first_name": "Mateo", "doctor_short": "Dr. Goldstein"})),
        "next": Made(
            title="Approve or decline by Tue Nov 24, 4:10 PM",
            due=_due(5.8),
            line="then Dr. Goldstein has 72 h. Nobody is charged until the attending accepts.",
            actions=[Made(label="Approve", url="/approve", kind="accent", ico="check", post=True)],
        ),
        "decline": Made(action="/decline", reasons=[("dates", "Dates")], error=None),
        "steps": [("Requested", "Sun Nov 22", "done"), ("You approve", "by Tue", "now")],
        "documents": Made(
            head="4 accepted, 1 to review",
            consent="You see a document because Mateo agreed to it on Nov 22.",
            rows=[
                Made(
                    label="Immunization record",
                    state="warn",
                    line="Waiting for you",
                    action="Review",
                    url="/d",
                    post=False,
                ),
                Made(
                    label="HIPAA training",
                    state="",
                    line="By Dec 12",
                    action="Remind",
                    url="/remind",
                    post=True,
                ),
                Made(label="CV", state="good", line="Accepted Nov 20", action=""),
            ],
        ),
        "messages": Made(
            audience="Mateo, Dr. Goldstein, your team",
            post_url="/m",
            canned=[("housing", "Housing near the hospital")],
            rows=[Made(who="Mateo Salgado", when="Mon Nov 23", text="Hello", mine=False)],
        ),
        "timeline": [Made(icon="eye", who="Dana", text="opened the record", when="10:14 AM")],
        "money": Made(
            state="Nothing charged yet",
            tone="",
            rows=[Made(label="Deposit", line="Nov 14", state="Waiting", tone="", cents=33_000)],
            total=249_000,
            facts=[("Held now", "$0")],
            ended=[("Candidate cancels", "$0 back")],
            foot="Moderate policy, terms version 6.",
        ),
        "notes": Made(post_url="/n", rows=[Made(text="Asked about housing.", by="Marisol Vega")]),
        "candidate": [("Status", "Graduate 2024"), ("Step 1", "Passed")],
        "more": [Made(label="Calendar file", url="/c.ics", ico="download")],
    },
    "agency/listings.html": {
        "viewer": DANA,
        "agency": AGENCY,
        "lead": "5 live, 1 draft",
        "may_edit": True,
        "rows": [
            Made(
                url="/l",
                specialty="Cardiology",
                doctor="Leah Goldstein",
                state="Live",
                tone="good",
                next_start=date(2027, 2, 15),
                seats=2,
                from_cents=249_000,
                views=143,
            )
        ],
    },
    "agency/import.html": {
        "viewer": DANA,
        "agency": AGENCY,
        "result": Made(
            file="offerings-2027.csv",
            rows=124,
            by="Dana Whitfield",
            when="10:16 AM",
            added=96,
            added_text="92 starts, 4 listings",
            changed=17,
            changed_text="Seats or price",
            same=6,
            errors=[
                Made(row=14, column="npi", found="1234567890", problem="Check digit.", fix=""),
                Made(row=37, column="start", found="2027-02-09", problem="Mondays.", fix="02-08"),
            ],
            bad_rows=2,
            fixable=1,
            errors_url="/e.csv",
            apply_url="/apply",
            fix_url="/fix",
        ),
        "action": "/agency/lakeshore/import",
        "template_url": "/t.csv",
        "error": None,
        "last": Made(file="attendings-nov.csv", line="Nov 19 · 12 added", undo_url="/undo"),
    },
}

# The same pages in the states that have no data yet, or a result of another kind.
VARIANTS: list[tuple[str, dict[str, object]]] = [
    ("listings/home.html", {"proof": None, "truth": None, "counted": "", "more_places": 0}),
    ("listings/show.html", {"viewer": None, "c": None}),
    ("listings/show.html", {"fit": Made(kind="no", title="Students", text="x", url="", action="")}),
    ("listings/show.html", {"r": Made(**(vars(ROTATION) | {"truth": None, "reviews": []}))}),
    ("bookings/request_dates.html", {"errors": {"start": "This start is full now"}}),
    ("bookings/request_eligibility.html", {"errors": {"why": "Write less", "status": "Choose"}}),
    ("bookings/request_dates.html", {"months": [], "order": None, "free": []}),
    ("bookings/request_card.html", {"card": None, "returned": True}),
    ("bookings/request_card.html", {"card": None}),
    ("bookings/cancel.html", {"changed": True, "errors": {"give": "Look again"}}),
    ("bookings/all.html", {"bookings": []}),
    ("bookings/ended.html", {"free": []}),
    ("bookings/show.html", {"messages": None, "documents": None}),
    ("bookings/show.html", {"contest": Made(action="/contest", note="x", error="Say more.")}),
    ("bookings/request_review.html", {"errors": {"ok_card": "Tick", "ok_terms": "Tick"}}),
    ("bookings/show.html", {"alternatives": None, "outcome": None, "change": None}),
    ("bookings/show.html", {"b": Made(**(vars(BOOKING) | {"poll_url": "/p", "tag_kind": "bad"}))}),
    ("bookings/mine.html", {"todos": [], "bookings": [], "suggested": [], "season": None}),
    ("bookings/mine.html", {"documents": None, "payments": None}),
    ("placements/decide.html", {"errors": {}, "starts": []}),
    ("placements/evaluate.html", {"done": True}),
    ("placements/attending_home.html", {"requests": [], "here": [], "to_sign": [], "letters": []}),
    ("agency/home.html", {"needs": [], "arrivals": [], "charts": [], "numbers": []}),
    (
        "agency/home.html",
        {
            "onboarding": Made(
                done=2,
                total=7,
                steps=[
                    Made(state="done", title="Profile", line="Name", action="", url="", time=""),
                    Made(state="todo", title="Site", line="City", action="Add", url="/s", time="4"),
                ],
            )
        },
    ),
    ("agency/bookings.html", {"rows": [], "total": 0}),
    ("agency/bookings.html", {"rows": [], "total": 0, "q": "zzz"}),
    ("agency/listings.html", {"rows": []}),
    ("agency/import.html", {"result": None, "error": "This is not a CSV file", "last": None}),
]
