"""Values of columns as plain data, and back: ids and times as text, bytes as base64."""

import base64
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Date, LargeBinary, Uuid

from marketplace.core.db import UTCDateTime


def out(value: Any) -> Any:
    """A column's value as JSON knows it."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


def back(column: Column[Any], value: Any) -> Any:
    """The column's value again. Raises `ValueError` for one that it cannot hold."""
    if value is None:
        return None
    kind = column.type
    try:
        if isinstance(kind, Uuid):
            return UUID(value)
        if isinstance(kind, UTCDateTime):
            return datetime.fromisoformat(value)
        if isinstance(kind, Date):
            return date.fromisoformat(value)
        if isinstance(kind, LargeBinary):
            return base64.b64decode(value, validate=True)
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"{column} has a wrong value") from error
    return value
