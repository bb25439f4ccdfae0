"""What is asked of the real servers: every endpoint of httpbin that a GET, a HEAD or an OPTIONS reaches.

`steady` says that a backend gives the same answer to the same request, whoever asks: there the bytes that a client gets
through Umbrage are compared with those that it gets without. The rest is random, or tells what was asked and by whom.
"""

from typing import NamedTuple


class Ask(NamedTuple):
    path: str
    steady: bool = True
    method: str = "GET"
    headers: tuple[str, ...] = ()


GETS = [
    # Pages, and what is not there.
    Ask("/html"),
    Ask("/xml"),
    Ask("/json"),
    Ask("/robots.txt"),
    Ask("/deny"),
    Ask("/encoding/utf8"),
    Ask("/forms/post"),
    Ask("/nonexistent"),
    Ask("/links/5/0"),
    # What the server saw: its own addresses and fields stand in it.
    Ask("/get?a=1&b=%C3%A4&a=2", steady=False),
    Ask("/headers", steady=False, headers=("X-Tenant: 7", "Accept-Language: de, en;q=0.5")),
    Ask("/ip", steady=False),
    Ask("/user-agent", headers=("User-Agent: real/1",)),
    Ask("/anything/x%2Fy?z=", steady=False),
    Ask("/cookies", headers=("Cookie: flavour=oat; size=9",)),
    Ask("/cookies/set?flavour=oat&size=9"),
    Ask("/cookies/delete?flavour"),
    Ask("/response-headers?X-Many=1&X-Many=2&Content-Language=de"),
    # Encodings.
    Ask("/gzip", steady=False, headers=("Accept-Encoding: gzip",)),
    Ask("/deflate", steady=False, headers=("Accept-Encoding: deflate",)),
    Ask("/brotli", steady=False, headers=("Accept-Encoding: br",)),
    # Status codes and redirects.
    *(Ask(f"/status/{code}") for code in (200, 204, 301, 304, 400, 401, 404, 406, 418, 429, 500, 503)),
    Ask("/redirect/2"),
    Ask("/relative-redirect/2"),
    Ask("/absolute-redirect/2"),
    Ask("/redirect-to?url=/get"),
    Ask("/basic-auth/user/passwd"),
    Ask("/basic-auth/user/passwd", headers=("Authorization: Basic dXNlcjpwYXNzd2Q=",)),
    Ask("/bearer", headers=("Authorization: Bearer abc",)),
    # Caching and ranges.
    Ask("/cache", steady=False),
    Ask("/cache", headers=("If-None-Match: x",)),
    Ask("/cache/60", steady=False),
    Ask("/etag/abc", steady=False),
    Ask("/etag/abc", headers=('If-None-Match: "abc"',)),
    Ask("/etag/abc", headers=('If-Match: "def"',)),
    Ask("/range/100"),
    Ask("/range/100", headers=("Range: bytes=10-19",)),
    Ask("/range/100", headers=("Range: bytes=500-",)),
    # Bodies: binary, streamed, large, slow. A seed does not make them steady: both versions seed the one generator of the
    # process, which requests served at the same moment share.
    Ask("/bytes/64?seed=1", steady=False),
    Ask("/bytes/50000?seed=1", steady=False),
    Ask("/bytes/16", steady=False),
    Ask("/stream-bytes/5000?seed=1&chunk_size=100", steady=False),
    Ask("/stream/5", steady=False),
    Ask("/drip?numbytes=5&duration=0.2&delay=0"),
    Ask("/delay/0.2", steady=False),
    Ask("/base64/SGVsbG8="),
    Ask("/uuid", steady=False),
    *(Ask(f"/image/{kind}") for kind in ("png", "jpeg", "webp", "svg")),
    Ask("/image", headers=("Accept: image/webp",)),
]

OTHERS = [
    Ask(path, method=method)
    for method in ("HEAD", "OPTIONS")
    for path in ("/html", "/xml", "/image/png", "/bytes/64?seed=1", "/redirect/1", "/status/404", "/range/100")
]

# The order of the methods in Allow is that of a set in Python: another one for each process.
ASKS = GETS + [ask._replace(steady=False) if ask.method == "OPTIONS" else ask for ask in OTHERS]
