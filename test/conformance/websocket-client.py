"""Python's `websockets` as a client. Prints one line a check: its name, and "ok" or what was wrong."""

import asyncio
import functools
import json
import sys

from websockets.asyncio.client import connect as connect_within
from websockets.exceptions import ConnectionClosed

base = sys.argv[1]
seconds_max = 120  # on a busy machine anything may take long
connect = functools.partial(
    connect_within, open_timeout=seconds_max, close_timeout=seconds_max, ping_interval=None
)


def expect(found, wanted):
    if found != wanted:
        raise AssertionError(f"{found!r} in place of {wanted!r}")


async def echo():
    async with connect(f"{base}/ws/echo") as socket:
        expect(socket.protocol.extensions, [])  # it offered compression, which is declined
        for sent in ["", "é" * 5_000, b"", bytes(range(256)) * 100]:
            await socket.send(sent)
            expect(await socket.recv(), sent)


async def fragments():
    async with connect(f"{base}/ws/echo") as socket:
        for parts in [["a", "", "é" * 500, "z"], [b"\x00", b"\xff" * 70_000]]:
            await socket.send(parts)
            expect(await socket.recv(), parts[0][:0].join(parts))


async def pings_in_between():
    async with connect(f"{base}/ws/echo") as socket:

        async def parts():
            for part in ["one", "two", "three"]:
                await (await socket.ping(part))
                yield part

        await socket.send(parts())
        expect(await socket.recv(), "onetwothree")


async def subprotocol():
    async with connect(f"{base}/ws", subprotocols=["chat", "partyline.v1"]) as socket:
        expect(socket.subprotocol, "partyline.v1")


async def talk():
    async with connect(f"{base}/ws") as socket:
        await socket.send(json.dumps({"type": "join", "room": "python"}))
        await socket.send(json.dumps({"type": "message", "room": "python", "content": "привет"}))
        async for text in socket:
            frame = json.loads(text)
            if frame["type"] == "message":
                expect(frame["content"], "привет")
                break


async def close_codes():
    async with connect(f"{base}/ws/echo") as socket:
        await socket.close(4321, "enough")
        expect(socket.close_code, 4321)
    async with connect(f"{base}/ws/echo", max_size=None) as socket:
        try:
            await socket.send("x" * 2_000_000)
            await socket.recv()
        except ConnectionClosed:
            pass
        expect(socket.close_code in (1009, 1006), True)


async def main():
    for check in [echo, fragments, pings_in_between, subprotocol, talk, close_codes]:
        name = "websockets " + check.__name__.replace("_", " ")
        try:
            await asyncio.wait_for(check(), seconds_max)
            print(f"{name}: ok")
        except Exception as error:
            print(f"{name}: {type(error).__name__} {error}".replace("\n", " "))


asyncio.run(main())
