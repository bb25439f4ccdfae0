"""A websocket over HTTP/2 (RFC 8441) through a proxy, to a server that speaks HTTP/1.1 alone.

python websocket_http2.py FRAMES MIB   prints the server's port, reads the proxy's port, prints "well" if all held.
"""

import asyncio
import os
import sys

import h2.config
import h2.connection
import h2.events
import h2.settings
import wsproto.connection
import wsproto.events
from websockets.asyncio.server import serve

FRAMES, MIB = int(sys.argv[1]), int(sys.argv[2])
LARGEST = (MIB + 1) << 20


async def echo(connection):
    async for message in connection:
        await connection.send(message)


class Client:
    """One connection of HTTP/2 with one tunnel in it."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.http = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.socket = wsproto.connection.Connection(wsproto.connection.ConnectionType.CLIENT)
        self.stream = self.answer = None
        self.ended = False

    async def step(self):
        """Reads once, and says what came of it."""
        data = await asyncio.wait_for(self.reader.read(1 << 16), 30)
        assert data, "the connection ended"
        for event in self.http.receive_data(data):
            if isinstance(event, h2.events.ResponseReceived):
                self.answer = dict(event.headers)
            elif isinstance(event, h2.events.DataReceived):
                self.http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                # The frame that ends the stream is empty, and comes when the websocket is over.
                if event.data:
                    self.socket.receive_data(event.data)
            elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                self.ended = True
        self.writer.write(self.http.data_to_send())
        await self.writer.drain()
        return list(self.socket.events())

    async def until(self, so):
        while not so():
            await self.step()

    async def open(self):
        self.http.initiate_connection()
        self.writer.write(self.http.data_to_send())
        code = h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL
        await self.until(lambda: self.http.remote_settings.get(code) == 1)
        self.stream = self.http.get_next_available_stream_id()
        self.http.send_headers(
            self.stream,
            [
                (":method", "CONNECT"),
                (":protocol", "websocket"),
                (":scheme", "http"),
                (":authority", "shop.example"),
                (":path", "/"),
                ("sec-websocket-version", "13"),
            ],
        )
        self.writer.write(self.http.data_to_send())
        await self.until(lambda: self.answer is not None)
        assert self.answer[":status"] == "200", self.answer
        assert "sec-websocket-accept" not in self.answer, self.answer

    async def send(self, event):
        """Sends a message as the windows allow, and collects what comes meanwhile."""
        data, came = memoryview(self.socket.send(event)), []
        while data:
            room = min(
                self.http.local_flow_control_window(self.stream), self.http.max_outbound_frame_size, len(data)
            )
            if room == 0:
                came += await self.step()
                continue
            self.http.send_data(self.stream, bytes(data[:room]))
            data = data[room:]
            self.writer.write(self.http.data_to_send())
            await self.writer.drain()
        return came


async def message_of(client, events):
    """The next whole message."""
    parts = []
    while True:
        for event in events:
            assert isinstance(event, wsproto.events.Message), event
            parts.append(event.data)
            if event.message_finished:
                return parts[0][:0].join(parts)
        events = await client.step()


async def main():
    async with serve(echo, "127.0.0.1", 0, max_size=LARGEST, ping_interval=None, compression=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        port = int(await asyncio.to_thread(sys.stdin.readline))
        client = Client(*await asyncio.open_connection("127.0.0.1", port))
        try:
            await client.open()
            for number in range(FRAMES):
                came = await client.send(wsproto.events.TextMessage(data=str(number)))
                assert await message_of(client, came) == str(number), number
            sent = os.urandom(1 << 20) * MIB
            came = await client.send(wsproto.events.BytesMessage(data=sent))
            assert bytes(await message_of(client, came)) == sent
            await client.send(wsproto.events.CloseConnection(code=1000))
            closes = []
            while not closes:
                closes = [e for e in await client.step() if isinstance(e, wsproto.events.CloseConnection)]
            assert closes[0].code == 1000, closes
            await client.until(lambda: client.ended)
        finally:
            # Also after a failure: the server waits for us.
            client.writer.close()
    print("well", flush=True)


asyncio.run(main())
