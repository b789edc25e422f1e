"""Answers of the API that are not 200, in Stripe's own shape."""


class ApiError(Exception):
    """An error answer. A 402 keeps what happened before it; any other undoes it."""

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        code: str | None = None,
        param: str | None = None,
        *,
        details: dict[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        fields = {"type": kind, "message": message, "code": code, "param": param, **(details or {})}
        self.body = {"error": {key: value for key, value in fields.items() if value is not None}}

    @property
    def is_decline(self) -> bool:
        return self.status == 402


def invalid(message: str, code: str | None = None, param: str | None = None) -> ApiError:
    """The request cannot be carried out."""
    return ApiError(400, "invalid_request_error", message, code, param)


def missing(kind: str, object_id: str, param: str = "id") -> ApiError:
    """There is no such object."""
    message = f"No such {kind}: '{object_id}'"
    return ApiError(404, "invalid_request_error", message, "resource_missing", param)


def card_error(code: str, decline_code: str, message: str, **details: object) -> ApiError:
    """The bank said no."""
    return ApiError(
        402, "card_error", message, code, details={"decline_code": decline_code, **details}
    )
