"""Calls of grpc_server.py through a proxy.

python grpc_client.py CASE PORT [ROOT]   one of the cases at the end; says "well" and how many calls it made if all held
"""

import asyncio
import sys

import grpc

CASE, PORT, *ROOT = sys.argv[1:]
CALLS = 0
BOUND = 60


def say(text):
    print(text, flush=True)


async def heard():
    return (await asyncio.to_thread(sys.stdin.readline)).strip()


def call(channel, shape, method, *args, **more):
    global CALLS
    CALLS += 1
    return getattr(channel, shape)(f"/interop.Peer/{method}")(*args, **{"timeout": BOUND, **more})


async def failure(awaitable):
    """The error that a call must end with."""
    try:
        await awaitable
    except grpc.aio.AioRpcError as error:
        return error
    raise AssertionError("no error")


async def collected(stream):
    return [message async for message in stream]


async def every_kind(channel):
    assert await call(channel, "unary_unary", "echo", b"") == b"", "a message without bytes"
    assert await call(channel, "unary_unary", "echo", b"a\x00b") == b"a\x00b"
    counted = await collected(call(channel, "unary_stream", "count", b"1000"))
    assert counted == [b"%d" % number for number in range(1000)]
    assert await collected(call(channel, "unary_stream", "count", b"0")) == [], "a stream without messages"

    async def pieces():
        for size in (0, 1, 70_000, 300_000):
            yield b"x" * size

    assert await call(channel, "stream_unary", "total", pieces()) == b"370001"
    chatted = await collected(call(channel, "stream_stream", "chat", pieces()))
    assert [len(message) for message in chatted] == [0, 1, 70_000, 300_000]
    four_mib = bytes(range(256)) * (4 << 12)
    assert await call(channel, "unary_unary", "echo", four_mib) == four_mib


async def errors(channel):
    refused = await failure(call(channel, "unary_unary", "refuse", b"\x00\x01\xfe"))
    assert refused.code() == grpc.StatusCode.FAILED_PRECONDITION, refused
    assert refused.details() == "100 % für nichts", refused
    assert dict(refused.trailing_metadata())["reason-bin"] == b"\x00\x01\xfe", refused
    stream = call(channel, "unary_stream", "begin_and_fail", b"")
    assert [await stream.read(), await stream.read()] == [b"one", b"two"]
    lost = await failure(stream.read())
    assert (lost.code(), lost.details()) == (grpc.StatusCode.DATA_LOSS, "no three"), lost
    unknown = await failure(call(channel, "unary_unary", "nobody_knows_it", b""))
    assert unknown.code() == grpc.StatusCode.UNIMPLEMENTED, unknown


async def metadata(channel):
    asked = (("ask", "with words"), ("ask", "twice"), ("ask-bin", b"\x00\xff,;\r\n"), ("ask-empty-bin", b""))
    answered = [(key.replace("ask", "answer"), value) for key, value in asked]
    # Metadata is a multimap: only values of one name have an order.
    answered.sort(key=lambda pair: pair[0])
    sorted_ours = lambda pairs: sorted((p for p in map(tuple, pairs) if p[0].startswith("answer")), key=lambda p: p[0])
    calling = call(channel, "unary_unary", "echo", b"x", metadata=asked)
    assert sorted_ours(await calling.initial_metadata()) == answered, await calling.initial_metadata()
    trailing = await calling.trailing_metadata()
    assert sorted_ours(trailing) == answered, trailing
    assert (trailing["last"], trailing["last-bin"]) == ("word", b"\x00\xff"), trailing


async def together(channel):
    """Answered only once all of them are under way at the server."""
    calling = [call(channel, "unary_unary", "together", b"%d" % number) for number in range(200)]
    assert await asyncio.gather(*calling) == [b"%d" % number for number in range(200)]


async def differ(channel):
    for _ in range(20):
        assert await call(channel, "unary_unary", "differ", b"") == b"the same"


async def turns(channel):
    """A conversation: nobody says a word before the other has answered."""
    stream = call(channel, "stream_stream", "chat")
    for number in range(2000):
        await stream.write(b"%d" % number)
        assert await asyncio.wait_for(stream.read(), BOUND) == b"%d" % number
    await stream.done_writing()
    assert await stream.read() is grpc.aio.EOF
    assert await stream.code() == grpc.StatusCode.OK


async def abandoned(channel):
    late = call(channel, "unary_stream", "wait", b"deadline", timeout=1)
    assert await late.read() == b"here"
    error = await failure(late.read())
    assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error
    cancelled = call(channel, "unary_stream", "wait", b"cancel")
    assert await cancelled.read() == b"here"
    cancelled.cancel()
    assert await cancelled.code() == grpc.StatusCode.CANCELLED
    # The connection is none the worse for it.
    assert await call(channel, "unary_unary", "echo", b"after") == b"after"


async def drained(channel):
    """One stream that ends in time while the proxy stops, one that does not."""
    ending, endless = call(channel, "stream_stream", "chat"), call(channel, "unary_stream", "wait", b"endless")
    await ending.write(b"before")
    assert await ending.read() == b"before"
    assert await endless.read() == b"here"
    say("both are open")
    assert await heard() == "it stops"
    for number in range(20):
        await ending.write(b"%d" % number)
        assert await ending.read() == b"%d" % number
    await ending.done_writing()
    assert await ending.read() is grpc.aio.EOF
    assert await ending.code() == grpc.StatusCode.OK
    late = await failure(call(channel, "unary_unary", "echo", b"late"))
    assert late.code() == grpc.StatusCode.UNAVAILABLE, late
    say("one is done")
    error = await failure(endless.read())
    assert error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.INTERNAL), error
    say(f"the other ended: {error.code().name}")


async def restarted(channel):
    assert await call(channel, "unary_unary", "echo", b"1") == b"1"
    say("called")
    assert await heard() == "it is gone"
    error = await failure(call(channel, "unary_unary", "echo", b"2"))
    assert error.code() == grpc.StatusCode.UNAVAILABLE, error
    say("refused")
    assert await heard() == "it is back"
    for number in range(20):
        assert await call(channel, "unary_unary", "echo", b"%d" % number) == b"%d" % number


async def main():
    cases = [every_kind, errors, metadata, together, differ, turns, abandoned, drained, restarted]
    case = {case.__name__: case for case in cases}[CASE]
    options, target = [("grpc.enable_http_proxy", 0)], f"127.0.0.1:{PORT}"
    if ROOT:
        trusted = grpc.ssl_channel_credentials(open(ROOT[0], "rb").read())
        channel = grpc.aio.secure_channel(target, trusted, options=options)
    else:
        channel = grpc.aio.insecure_channel(target, options=options)
    async with channel:
        await case(channel)
    say(f"well {CALLS}")


asyncio.run(main())
