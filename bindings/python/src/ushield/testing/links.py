"""Links to the software token: packets as over Bluetooth LE, commands as over NFC. They move bytes."""

import asyncio

from .. import LinkLost, LinkMedium, OverCard, OverPackets, Seen, TokenNotFound, Wanted, WantedFit
from .plug import Inbox, Plug, hear

#: Seconds: a token advertises for each of its phones in turn, a second each.
LISTENING = 3.0


class Air:
    """A radio (`--gatt`), and the MTU that it agrees on.

    Ops: 1 connected, 2 MTU, 3 info, 4 subscribed, 5 written, 6 taken, 7 ended.
    """

    def __init__(self, plug: Plug, mtu: int = 185, place: str = "air") -> None:
        self._plug, self._mtu, self._place = plug, mtu, place

    async def connect(self, wanted: Wanted) -> OverPackets:
        def fits() -> bool:
            return wanted.is_at(self._place) and wanted.fits(self._plug.advertised) != WantedFit.NO

        try:
            async with asyncio.timeout(wanted.patience), self._plug.changed:
                await self._plug.changed.wait_for(fits)
        except TimeoutError:
            raise TokenNotFound from None
        inbox = self._plug.begin()
        for said in (bytes([1]), bytes([2]) + self._mtu.to_bytes(2, "big"), bytes([4, 1])):
            self._plug.say(said, inbox)
        return OverPackets(Gatt(self._plug, inbox), self._mtu, self._place)

    async def look(self) -> list[Seen]:
        heard: list[bytes] = []
        try:
            async with asyncio.timeout(LISTENING), self._plug.changed:
                while True:
                    if self._plug.advertised and self._plug.advertised not in heard:
                        heard.append(self._plug.advertised)
                    await self._plug.changed.wait()
        except TimeoutError:
            return [Seen(LinkMedium.BLE, self._place, advertised) for advertised in heard]


class Gatt:
    """A connection."""

    def __init__(self, plug: Plug, inbox: Inbox) -> None:
        self._plug, self._inbox = plug, inbox

    async def info(self) -> bytes:
        self._plug.say(bytes([3]), self._inbox)
        while (said := await hear(self._inbox))[0] != 129:  # Else it is of the connection before.
            pass
        return said[1:]

    async def write(self, value: bytes) -> None:
        self._plug.say(bytes([5]) + value, self._inbox)

    async def notified(self) -> bytes:
        said = await hear(self._inbox)
        if said[0] != 130:  # A notification; anything else ends it.
            raise LinkLost
        self._plug.say(bytes([6]), self._inbox)
        return said[1:]

    async def disconnect(self) -> None:
        self._inbox.put_nowait(None)
        self._plug.say(bytes([7]), self._inbox)


class Reader:
    """A card reader (`--vpcd`), and whether it sends commands of extended length.

    A byte: 0 off, 2 reset, 4 ATR. The rest are commands.
    """

    def __init__(self, plug: Plug, *, extended: bool = False, place: str = "reader") -> None:
        self._plug, self._extended, self._place = plug, extended, place

    async def connect(self, wanted: Wanted) -> OverCard:
        if not wanted.is_at(self._place) or not self._plug.is_there:
            raise TokenNotFound
        inbox = self._plug.begin()
        self._plug.say(bytes([2]), inbox)
        self._plug.say(bytes([4]), inbox)
        while (await hear(inbox))[:1] != b"\x3b":
            pass
        return OverCard(Inserted(self._plug, inbox), self._place, self._extended)

    async def look(self) -> list[Seen]:
        return [Seen(LinkMedium.CARD, self._place)] if self._plug.is_there else []


class Inserted:
    """The card."""

    def __init__(self, plug: Plug, inbox: Inbox) -> None:
        self._plug, self._inbox = plug, inbox

    async def transceive(self, command: bytes) -> bytes:
        self._plug.say(command, self._inbox)
        return await hear(self._inbox)

    async def release(self) -> None:
        self._inbox.put_nowait(None)
        self._plug.say(bytes([0]), self._inbox)
