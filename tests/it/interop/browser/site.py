"""The site of the page beside this file: HTTP/1.1 by the standard library, a websocket by `websockets`.

python site.py   says the ports of both, then, as one line of JSON, what a browser reports
"""

import asyncio
import gzip
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosedError

HERE = Path(__file__).parent
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
PICTURE = b'<svg xmlns="http://www.w3.org/2000/svg" width="7" height="7"><rect width="7" height="7"/></svg>'
GO_ON = threading.Event()


class Site(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, body, media="text/plain", status=200, **fields):
        self.send_response(status)
        for name, value in {"Content-Type": media, "Content-Length": len(body), **fields}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)

    def begin(self, media):
        """An answer without a length; its pieces follow."""
        self.send_response(200)
        self.send_header("Content-Type", media)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def piece(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        match self.path:
            case "/echo":
                self.answer(body, "application/octet-stream")
            case "/go-on":
                GO_ON.set()
                self.answer(b"")
            case "/report":
                self.answer(b"")
                print(json.dumps(json.loads(body)), flush=True)

    def do_GET(self):
        match self.path.partition("?")[0]:
            case "/picture.svg":
                self.answer(PICTURE, "image/svg+xml")
            case "/data.json":
                self.answer(b'{"word": "json"}', "application/json")
            case "/compressed.txt":
                self.answer(gzip.compress(b"z" * 500_000), Content_Encoding="gzip")
            case "/moved":
                self.answer(b"", status=302, Location="/data.json")
            case "/cookie":
                self.answer(self.headers.get("Cookie", "none yet").encode(), Set_Cookie="crumb=sweet; HttpOnly")
            case "/tagged":
                self.send_response(304 if self.headers["If-None-Match"] == '"one"' else 200)
                self.send_header("ETag", '"one"')
                self.end_headers()
            case "/stream":
                self.begin("text/plain")
                self.piece(b"first ")
                GO_ON.wait(30)
                self.piece(b"second")
                self.piece(b"")
            case "/events":
                self.begin("text/event-stream")
                for number in range(3):
                    self.piece(b"data: %d\n\n" % number)
                # Left open, as event streams are, until the browser closes it.
                self.rfile.read(1)
                self.close_connection = True
            case "/never":
                self.rfile.read(1)
                self.close_connection = True
            case path:
                file = HERE / (path.strip("/") or "index.html")
                if file.suffix in TYPES and file.is_file():
                    self.answer(file.read_bytes(), TYPES[file.suffix])
                else:
                    self.answer(b"nothing here", status=404)


async def echo(connection):
    try:
        async for message in connection:
            await connection.send(message)
    except ConnectionClosedError:
        pass  # a close with a code of its own is one, too


class Server(ThreadingHTTPServer):
    # Five, as the library has it, is less than a page asks for at once.
    request_queue_size = 256


async def main():
    site = Server(("127.0.0.1", 0), Site)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    async with serve(echo, "127.0.0.1", 0) as sockets:
        print(site.server_address[1], sockets.sockets[0].getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)


asyncio.run(main())
