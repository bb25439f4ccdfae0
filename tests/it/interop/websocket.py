"""A websocket server and a client that meet through a proxy.

python websocket.py FRAMES MIB   prints the server's port, reads the proxy's port, prints "well" if all held.
"""

import asyncio
import os
import sys

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosedError

FRAMES, MIB = int(sys.argv[1]), int(sys.argv[2])
LARGEST = (MIB + 1) << 20


async def echo(connection):
    try:
        async for message in connection:
            await connection.send(message)
    except ConnectionClosedError:
        pass  # a close with a code of its own is one, too


async def small_frames(url):
    """Many small messages each way, up to a window of them under way."""
    async with connect(url, compression=None, max_size=LARGEST, ping_interval=None) as connection:
        window = asyncio.Semaphore(1000)

        async def send():
            for number in range(FRAMES):
                await window.acquire()
                await connection.send(str(number))

        sending = asyncio.create_task(send())
        for number in range(FRAMES):
            assert await connection.recv() == str(number), number
            window.release()
        await sending


async def large_frame(url):
    async with connect(url, compression=None, max_size=LARGEST, ping_interval=None) as connection:
        sent = os.urandom(1 << 20) * MIB
        sending = asyncio.create_task(connection.send(sent))
        assert await connection.recv() == sent
        await sending


async def everyday(url):
    """What browsers do: compression, pings, a close with a code."""
    async with connect(url) as connection:
        await connection.send("x" * 10_000)
        assert await connection.recv() == "x" * 10_000
        await (await connection.ping())
        await connection.close(4000, "done")
        assert connection.close_code == 4000, connection.close_code


async def main():
    async with serve(echo, "127.0.0.1", 0, max_size=LARGEST, ping_interval=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        port = int(await asyncio.to_thread(sys.stdin.readline))
        url = f"ws://127.0.0.1:{port}/"
        await everyday(url)
        await small_frames(url)
        await large_frame(url)
    print("well", flush=True)


asyncio.run(main())
