#!/usr/bin/env python3
"""An example backend: a small orders service, or (--rewrite) its rewrite with planted bugs.

The rewrite gives an order's total as a string, forgets the currency of every third order, and is slower on the list.
Prints the address it listens on, so that port 0 can be asked for. Standard library only.
"""

import argparse
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BODY_MOST = 1 << 20


def order(number, rewrite):
    """One order as the legacy service gives it, or as the rewrite does."""
    answer = {"id": number, "total": number * 5, "currency": "EUR", "items": [{"sku": f"A{number}", "count": number % 3}]}
    if rewrite:
        answer["total"] = str(answer["total"])
        if number % 3 == 0:
            del answer["currency"]
    return answer


class Orders(BaseHTTPRequestHandler):
    """GET /orders, GET /orders/N, GET /health, POST /orders."""

    protocol_version = "HTTP/1.1"
    rewrite = False
    timeout = 30
    # The head and the body go out together, or Nagle holds the body back until the head is acknowledged.
    wbufsize = 1 << 16
    disable_nagle_algorithm = True

    def do_GET(self):
        """Answers what is asked for."""
        path = self.path.split("?")[0]
        if path == "/health":
            self.reply(200, {"status": "ok"})
        elif path == "/orders":
            if self.rewrite:
                time.sleep(0.005)
            self.reply(200, [order(number, False) for number in range(1, 6)])
        elif path.startswith("/orders/") and path.removeprefix("/orders/").isdecimal():
            self.reply(200, order(int(path.removeprefix("/orders/")[:9]), self.rewrite))
        else:
            self.reply(404, {"error": "not found"})

    def do_POST(self):
        """Takes an order, up to a bound."""
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > BODY_MOST:
            self.close_connection = True
            self.reply(413, {"error": "too large"})
            return
        self.rfile.read(int(length))
        self.reply(201, {"status": "taken"})

    def reply(self, status, body):
        """Sends a JSON answer."""
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        self.wfile.flush()

    def log_message(self, *_):
        """Says nothing: Umbrage does."""


def main():
    """Serves until it is told to stop."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--address", default="127.0.0.1:0", help="host:port; port 0 for any free one")
    arguments.add_argument("--rewrite", action="store_true", help="be the rewrite")
    chosen = arguments.parse_args()
    host, port = chosen.address.rsplit(":", 1)
    Orders.rewrite = chosen.rewrite
    server = ThreadingHTTPServer((host, int(port)), Orders)
    print(f"listening on {server.server_address[0]}:{server.server_address[1]}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
