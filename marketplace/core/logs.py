"""Structured logs: one JSON object a line, with the request id that follows a job."""

import json
import logging
import sys

from marketplace.core import clock
from marketplace.core.context import request_id

_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

_AS_JSON = json.JSONEncoder(default=str)  # made once: `json.dumps` would make one for each line


class JsonLines(logging.Formatter):
    """Formats a record as one JSON line; extra fields go in as they are."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        line = {
            "at": clock.wall().isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "request_id": request_id.get(),
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return _AS_JSON.encode(line)


def configure(level: int = logging.INFO) -> None:
    """Send everything to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("werkzeug", "rq.worker", "rq.scheduler", "urllib3", "stripe"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
