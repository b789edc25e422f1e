"""What people type, checked: each function returns plain data or raises Invalid with a message
beside each field. Only the fields named here are read; everything else that is sent is ignored."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from email_validator import EmailNotValidError, validate_email

from marketplace.accounts import passwords
from marketplace.accounts.operations import ProfileAnswers
from marketplace.core import clock, reference
from marketplace.core.errors import Invalid
from marketplace.core.words import words

Sent = Mapping[str, str]
NAME_LENGTH = 120
TEXT_LENGTH = 160
EMAIL_LENGTH = 254
CHOICE_FIELDS = (
    "status",
    "student_year",
    "usmle_step_1",
    "usmle_step_2_ck",
    "ecfmg",
    "entry_status",
)
PROFILE_FIELDS = (*CHOICE_FIELDS, "school", "country", "graduation_date", "birth_date")
LABELS = {
    "student": "Student",
    "graduate": "Graduate",
    "preclinical": "Preclinical years",
    "clinical": "Clinical years",
    "penultimate": "Year before last",
    "final": "Final year",
    "not-taken": "Not taken yet",
    "passed": "Passed",
    "failed": "Not passed",
    "none": "Not started",
    "in-progress": "In progress",
    "certified": "Certified",
    "us-citizen": "U.S. citizen",
    "permanent-resident": "Permanent resident",
    "work-authorized": "Work authorization",
    "f-1": "F-1",
    "j-1": "J-1",
    "b-1": "B-1",
    "b-2": "B-2",
    "visa-waiver": "Visa waiver",
    "none-yet": "No visa yet",
    "prefer-not-to-say": "Prefer not to say",
}
_OLDEST = date(1920, 1, 1)
_LATEST = date(2060, 12, 31)


@dataclass(frozen=True)
class Person:
    """A name and an address, as typed into the sign-up form."""

    name: str
    email: str


@dataclass(frozen=True)
class PasswordChange:
    """The present password and the new one."""

    current: str
    new: str


def text(sent: Sent, name: str, limit: int = TEXT_LENGTH) -> str:
    """One line of text: no control characters, single spaces, at most `limit` characters."""
    value = unicodedata.normalize("NFC", sent.get(name, ""))
    value = "".join(
        char for char in value if unicodedata.category(char)[0] != "C" or char in "\t\n"
    )
    return " ".join(value.split())[:limit]


def email_key(sent: Sent, name: str = "email") -> str:
    """An address as accounts are stored by: trimmed, in lower case. Not checked."""
    return text(sent, name, EMAIL_LENGTH).lower()


def email(sent: Sent) -> str:
    """A well-formed address in lower case. Whether anybody has it is not looked at."""
    value = email_key(sent)
    if not value:
        raise Invalid({"email": _required()})
    return _well_formed(value)


def sign_in(sent: Sent) -> tuple[str, str]:
    """Address and password; both have to be there."""
    errors = {name: _required() for name in ("email", "password") if not sent.get(name, "").strip()}
    if errors:
        raise Invalid(errors)
    return email_key(sent), sent["password"]


def sign_up(sent: Sent) -> Person:
    """Name and address of somebody new."""
    errors: dict[str, str] = {}
    name = text(sent, "name", NAME_LENGTH)
    if not name:
        errors["name"] = _required()
    address = ""
    try:
        address = email(sent)
    except Invalid as error:
        errors |= error.errors
    if errors:
        raise Invalid(errors)
    return Person(name, address)


@dataclass(frozen=True)
class NewMember:
    """Name and password of somebody who joins with a new account."""

    name: str
    password: str


def new_member(sent: Sent, email: str) -> NewMember:
    """What somebody tells who joins by an invitation to `email`."""
    name = text(sent, "name", NAME_LENGTH)
    password = sent.get("password", "")
    errors = {} if name else {"name": _required()}
    refused = passwords.complaint(password, email=email, name=name)
    if refused:
        errors["password"] = refused
    if errors:
        raise Invalid(errors)
    return NewMember(name, password)


def new_password(sent: Sent) -> str:
    """A new password; how good it is depends on the person (passwords.complaint)."""
    value = sent.get("password", "")
    if not value:
        raise Invalid({"password": _required()})
    return value


def password_change(sent: Sent, *, email: str, name: str) -> PasswordChange:
    """The present password and a new one that is good enough."""
    errors: dict[str, str] = {}
    current, new = sent.get("current", ""), sent.get("password", "")
    if not current:
        errors["current"] = _required()
    refused = passwords.complaint(new, email=email, name=name)
    if refused:
        errors["password"] = refused
    elif new == current:
        errors |= {"password": "This is the password you have now. Choose another one."}
    if errors:
        raise Invalid(errors)
    return PasswordChange(current, new)


def choices(field: str) -> tuple[str, ...]:
    """The allowed values of a profile field, from data/profile_fields.csv."""
    return reference.split(reference.row("profile_fields", f"candidate.{field}", "field")["values"])


def profile(sent: Sent) -> tuple[str, ProfileAnswers]:
    """Name and answers of a candidate. Nothing but the name is required; what is told must make
    sense."""
    errors: dict[str, str] = {}
    name = text(sent, "name", NAME_LENGTH)
    if not name:
        errors["name"] = _required()
    status = _choice(sent, "status", errors)
    answers = ProfileAnswers(
        school=text(sent, "school"),
        country=text(sent, "country", 80),
        status=status,
        student_year=_choice(sent, "student_year", errors) if status != "graduate" else None,
        graduation_date=_date(sent, "graduation_date", errors),
        birth_date=_date(sent, "birth_date", errors),
        usmle_step_1=_choice(sent, "usmle_step_1", errors),
        usmle_step_2_ck=_choice(sent, "usmle_step_2_ck", errors),
        ecfmg=_choice(sent, "ecfmg", errors),
        entry_status=_choice(sent, "entry_status", errors),
        needs_visa=_yes_no(sent, "needs_visa", errors),
    )
    if answers.birth_date and answers.birth_date > clock.today("UTC"):
        errors["birth_date"] = "This day has not come yet."
    if errors:
        raise Invalid(errors)
    return name, answers


def _required() -> str:
    return words("error.field-required.title") + "."


def _well_formed(value: str) -> str:
    try:
        return validate_email(value, check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        raise Invalid({"email": words("error.field-email.title") + "."}) from error


def _choice(sent: Sent, name: str, errors: dict[str, str]) -> str | None:
    value = sent.get(name, "")
    if not value:
        return None
    if value not in choices(name):
        errors[name] = "Choose an answer from the list."
        return None
    return value


def _yes_no(sent: Sent, name: str, errors: dict[str, str]) -> bool | None:
    value = sent.get(name, "")
    if value not in ("", "yes", "no"):
        errors[name] = "Choose an answer from the list."
    return {"yes": True, "no": False}.get(value)


def _date(sent: Sent, name: str, errors: dict[str, str]) -> date | None:
    value = sent.get(name, "").strip()
    if not value:
        return None
    found = None
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        try:
            found = date.fromisoformat(value)
        except ValueError:
            found = None
    if found is None:
        errors[name] = words("error.field-date.title") + "."
    elif not _OLDEST <= found <= _LATEST:
        errors[name] = "Look at the year again."
    return found
