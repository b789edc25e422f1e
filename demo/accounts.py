"""The accounts that the demo shows to everybody. Their passwords are no secret."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "demo-accounts.json"
HARBORLIGHT = "harborlight-rotations"
NEWLEAF = "newleaf-rotations"


@dataclass(frozen=True)
class DemoAccount:
    """One way in. `agency` is the slug of the agency that a member works for, else empty."""

    role: str
    name: str
    email: str
    password: str
    agency: str
    shows: str


ACCOUNTS = (
    DemoAccount(
        "candidate",
        "Amara Velomere",
        "candidate@rounds.example",
        "quiet-river-lantern",
        "",
        "A graduate with a filled profile: search, book, pay, review.",
    ),
    DemoAccount(
        "student",
        "Teo Brannick",
        "student@rounds.example",
        "paper-boat-orchard",
        "",
        "A final-year student: electives and sub-internships are open too.",
    ),
    DemoAccount(
        "owner",
        "Maren Oldacre",
        "owner@harborlight-rotations.example",
        "north-window-maple",
        HARBORLIGHT,
        "Owns Harborlight Rotations: everything an agency may do.",
    ),
    DemoAccount(
        "coordinator",
        "Jonas Pell",
        "coordinator@harborlight-rotations.example",
        "slow-copper-bicycle",
        HARBORLIGHT,
        "Answers requests at Harborlight Rotations.",
    ),
    DemoAccount(
        "new-owner",
        "Barasa Fenumrell",
        "owner@newleaf-rotations.example",
        "first-leaf-doorstep",
        NEWLEAF,
        "A new agency on its way: papers with the platform, nothing public yet.",
    ),
    DemoAccount(
        "attending",
        "",  # the attending's own name
        "attending@rounds.example",
        "seven-green-pencils",
        "",
        "A doctor with placements to decide and a running trainee.",
    ),
    DemoAccount(
        "admin",
        "Robin Hallowell",
        "admin@rounds.example",
        "plain-harbor-ladder",
        "",
        "The platform: verification, moderation, money.",
    ),
)


def by_role(role: str) -> DemoAccount:
    """The account of a role. Raises `KeyError`."""
    for account in ACCOUNTS:
        if account.role == role:
            return account
    raise KeyError(role)


def of_agency(role: str, agency: str) -> DemoAccount | None:
    """The account of a member of an agency, if the demo has one."""
    here = [one for one in ACCOUNTS if one.agency == agency]
    return next((one for one in here if one.role.removeprefix("new-") == role), None)


def write(var_dir: Path) -> Path:
    """Write the list that `bin/run` prints and tests read; only its owner can read it."""
    path = var_dir / FILE
    public = ("role", "email", "password", "agency")
    rows = [{key: asdict(account)[key] for key in public} for account in ACCOUNTS]
    path.touch(mode=0o600)
    path.write_text(json.dumps(rows, indent=2) + "\n")
    return path
