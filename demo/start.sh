#!/bin/sh
# Finds a Python that is new enough and hands over to demo/bootstrap.py. Used by the scripts in bin/.
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd) || exit 1
for python in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
    if command -v "$python" >/dev/null 2>&1 &&
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
        exec "$python" -I "$root/demo/bootstrap.py" "$@"
    fi
done
echo "Rounds needs Python 3.11 or newer, and found none. On Debian or Ubuntu: sudo apt-get install python3 python3-venv" >&2
exit 1
