"""Make .venv match requirements.lock, then run a module in it.

Runs on a bare Python 3.11+ before anything is installed, so it uses the standard library only.
"""

import fcntl
import hashlib
import importlib.util
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "rounds-stamp"
VERSION = platform.python_version()


def say(text: str) -> None:
    """Print one line for people; standard output stays free for the command itself."""
    print(text, file=sys.stderr, flush=True)


def wanted_stamp() -> str:
    """What the environment must have been made from: the lock and this Python."""
    return hashlib.sha256(LOCK.read_bytes() + VERSION.encode()).hexdigest()


def is_current() -> bool:
    """Whether .venv was made from this lock by this version of Python."""
    return PYTHON.exists() and STAMP.exists() and STAMP.read_text() == wanted_stamp()


def locked(name: str) -> str:
    """The lines of one package (its version and hashes) in requirements.lock."""
    lines: list[str] = []
    for line in LOCK.read_text().splitlines():
        if line.startswith(f"{name}==") or (lines and line.startswith(" ")):
            lines.append(line)
        elif lines:
            break
    if not lines:
        sys.exit(f"requirements.lock does not name {name}.")
    return "\n".join(lines) + "\n"


def version_in_venv() -> str:
    """The version of Python inside .venv, or nothing when it cannot run."""
    try:
        asked = [str(PYTHON), "-c", "import platform; print(platform.python_version())"]
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def make_venv() -> None:
    """Create .venv, anew when it belongs to another Python."""
    if version_in_venv() == VERSION:
        return
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        minor = ".".join(VERSION.split(".")[:2])
        sys.exit(
            "This Python cannot make a virtual environment. "
            f"On Debian or Ubuntu: sudo apt-get install python{minor}-venv"
        )
    say("Making a virtual environment in .venv")
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)


def run_quietly(command: list[str]) -> tuple[bool, str]:
    """Run a command that ends when this process does. Whether it succeeded, and its output."""
    leashed = [sys.executable, "-I", "-S", str(ROOT / "demo" / "child.py"), "2", *command]
    with subprocess.Popen(
        leashed, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        output = process.stdout.read() if process.stdout else ""
        return process.wait() == 0, output


def install() -> None:
    """Install exactly the locked packages, checked against their hashes: by uv, else by pip."""
    say("Installing the packages of requirements.lock")
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as only_uv:
        only_uv.write(locked("uv"))
        only_uv.flush()
        has_uv, trouble = run_quietly([*pip, "--require-hashes", "--no-deps", "-r", only_uv.name])
    uv = [str(PYTHON), "-m", "uv", "pip", "sync", "--quiet", "--require-hashes"]
    uv += ["--python", str(PYTHON), str(LOCK)]
    slowly = [*pip, "--require-hashes", "-r", str(LOCK)]
    # behind a company's proxy, only the system's certificates are of use
    ways = [uv, [*uv, "--system-certs"], slowly] if has_uv else [slowly]
    for way in ways:
        done, output = run_quietly(way)
        if done:
            return
        trouble += output
    sys.exit(f"{trouble}\nThe packages could not be installed. The lines above say why.")


def ensure() -> None:
    """Bring .venv up to date; two commands started at once take turns."""
    turn = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if is_current():
            return
        started = time.monotonic()
        STAMP.unlink(missing_ok=True)
        make_venv()
        install()
        STAMP.write_text(wanted_stamp())
        say(f"Packages ready in {time.monotonic() - started:.0f} s")
    finally:
        os.close(turn)


def main() -> None:
    """Usage: bootstrap.py MODULE [ARGUMENTS]."""
    module, arguments = sys.argv[1], sys.argv[2:]
    if not is_current():
        try:
            ensure()
        except KeyboardInterrupt:
            sys.exit(130)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    os.execve(PYTHON, [str(PYTHON), "-P", "-m", module, *arguments], environment)  # noqa: S606


if __name__ == "__main__":
    main()
