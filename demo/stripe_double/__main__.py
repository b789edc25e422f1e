"""`python -m demo.stripe_double --port 8430 --db var/stripe.db`: serves the double on 127.0.0.1."""

import argparse
import signal
import threading
from pathlib import Path
from types import FrameType

from werkzeug.serving import WSGIRequestHandler, make_server

from demo.stripe_double.app import create_app
from demo.stripe_double.clock import Clock
from demo.stripe_double.store import Store
from demo.stripe_double.webhooks import Courier


class QuietHandler(WSGIRequestHandler):
    """Says nothing about each request."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Stay silent."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo.stripe_double", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--db", type=Path, required=True, help="SQLite file, made when missing")
    parser.add_argument("--webhook-url", help="where events go; without it none are sent")
    parser.add_argument("--webhook-secret", default="whsec_double")
    parser.add_argument("--clock-file", type=Path, help="JSON with the demo's offset_seconds")
    return parser.parse_args()


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    options = arguments()
    store = Store(options.db)
    app = create_app(store, Clock(options.clock_file))
    server = make_server(
        "127.0.0.1", options.port, app, threaded=True, request_handler=QuietHandler
    )
    courier = Courier(store, options.webhook_url, options.webhook_secret)
    if options.webhook_url:
        courier.start()

    def stop(signum: int, frame: FrameType | None) -> None:
        courier.stop()
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server.serve_forever()
    server.server_close()


if __name__ == "__main__":
    main()
