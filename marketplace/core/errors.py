"""What can go wrong, in words for people, with the HTTP status it becomes."""

from collections.abc import Mapping


class DomainError(Exception):
    """A refusal the user is told about. `code` is stable, `message` is for people."""

    status = 400

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).__name__.lower()


class Invalid(DomainError):
    """Input that needs another look: one message for each field."""

    status = 422

    def __init__(self, errors: Mapping[str, str], message: str = "Please check the form.") -> None:
        super().__init__(message, "invalid")
        self.errors = dict(errors)


class Unauthenticated(DomainError):
    """Signing in comes first."""

    status = 401


class Forbidden(DomainError):
    """The person is known and may not do this."""

    status = 403


class NotFound(DomainError):
    """Missing, or somebody else's: the answer is the same."""

    status = 404

    def __init__(self, message: str = "We could not find this page.", code: str = "") -> None:
        super().__init__(message, code)


class Conflict(DomainError):
    """The state has moved on: already decided, full, closed."""

    status = 409


class Gone(DomainError):
    """It was here once: an expired or used link."""

    status = 410


class TooMany(DomainError):
    """Too many attempts; `retry_after` in seconds."""

    status = 429

    def __init__(self, message: str, retry_after: int = 60) -> None:
        super().__init__(message, "too_many")
        self.retry_after = retry_after


class Unavailable(DomainError):
    """A part we depend on does not answer; trying again later helps."""

    status = 503
