"""A gRPC server without generated code: messages are bytes, methods do what their names say.

python grpc_server.py PORT LEG [CERT KEY]   says "ready", obeys "stop" and "start" on its stdin, and says what ended there
"""

import asyncio
import sys

import grpc

PORT, LEG, *FILES = sys.argv[1:]
AT_ONCE = 200


def say(text):
    print(text, flush=True)


def echoed(context):
    return [(key.replace("ask", "answer"), value) for key, value in context.invocation_metadata() if key.startswith("ask")]


class Methods:
    def __init__(self):
        self.waiting = 0
        self.all_here = asyncio.Event()

    async def echo(self, request, context):
        await context.send_initial_metadata(echoed(context))
        context.set_trailing_metadata([("last", "word"), ("last-bin", b"\x00\xff")] + echoed(context))
        return request

    async def count(self, request, context):
        for number in range(int(request)):
            yield b"%d" % number

    async def total(self, requests, context):
        total = 0
        async for request in requests:
            total += len(request)
        return b"%d" % total

    async def chat(self, requests, context):
        async for request in requests:
            yield request

    async def refuse(self, request, context):
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "100 % für nichts", (("reason-bin", request),))

    async def begin_and_fail(self, request, context):
        yield b"one"
        yield b"two"
        await context.abort(grpc.StatusCode.DATA_LOSS, "no three")

    async def differ(self, request, context):
        context.set_trailing_metadata([("answered-by", LEG)])
        return b"the same"

    async def together(self, request, context):
        self.waiting += 1
        if self.waiting == AT_ONCE:
            self.all_here.set()
        # A shadow is not owed all of them.
        if LEG == "stable":
            await self.all_here.wait()
        return request

    async def wait(self, request, context):
        say(f"waits {request.decode()}")
        yield b"here"
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            say(f"cancelled {request.decode()}")
            raise


def handlers(methods):
    shapes = {
        grpc.unary_unary_rpc_method_handler: ["echo", "refuse", "differ", "together"],
        grpc.unary_stream_rpc_method_handler: ["count", "begin_and_fail", "wait"],
        grpc.stream_unary_rpc_method_handler: ["total"],
        grpc.stream_stream_rpc_method_handler: ["chat"],
    }
    named = {name: shape(getattr(methods, name)) for shape, names in shapes.items() for name in names}
    return grpc.method_handlers_generic_handler("interop.Peer", named)


async def start():
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([handlers(Methods())])
    address = f"127.0.0.1:{PORT}"
    if FILES:
        cert, key = (open(name, "rb").read() for name in FILES)
        server.add_secure_port(address, grpc.ssl_server_credentials([(key, cert)]))
    else:
        server.add_insecure_port(address)
    await server.start()
    say("ready")
    return server


async def main():
    server = await start()
    while order := (await asyncio.to_thread(sys.stdin.readline)).strip():
        if order == "stop":
            await server.stop(None)
            say("stopped")
        else:
            server = await start()
    await server.stop(None)


asyncio.run(main())
