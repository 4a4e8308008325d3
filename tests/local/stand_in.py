"""A process that behaves at its edges as a service does: opens its port, says it is ready, answers
the health question, and writes its name into a diary when it is asked to stop.

Run as `python stand_in.py NAME PORT DIARY`; port 0 opens none.
"""

import json
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Health(BaseHTTPRequestHandler):
    """Answers 200 to `/api/v1/health` and 404 to the rest."""

    def do_GET(self) -> None:  # the name http.server asks for
        self.send_response(200 if self.path == "/api/v1/health" else 404)
        self.end_headers()


def main() -> None:
    name, port, diary = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    # Blocked in every thread and waited for: a handler that sets an Event can meet the lock of the
    # wait it interrupts.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    if port:
        server = ThreadingHTTPServer(("127.0.0.1", port), Health)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stderr.write(json.dumps({"event": "ready", "process": name}) + "\n")
    sys.stderr.flush()
    signal.sigwait({signal.SIGTERM})
    with diary.open("a") as file:
        file.write(f"{name}\n")


if __name__ == "__main__":
    main()
