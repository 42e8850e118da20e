"""What stands for a machine's radio or reader: a local socket at which the software token plugs in.

`ushield-token run --gatt ADDRESS` and `--vpcd ADDRESS` connect to it; both speak `length u16 || bytes`.
"""

import asyncio
from typing import Self

from .. import LinkLost

#: Of the radio's ops: what the token advertises, and where in it the company ends.
_ADVERTISE, _COMPANY_END = 131, 25

Inbox = asyncio.Queue[bytes | None]


class Plug:
    """Where a token plugs in. `advertised` is what it says on the air."""

    def __init__(self, is_radio: bool) -> None:
        self._is_radio = is_radio
        self._server: asyncio.Server | None = None
        self._token: asyncio.StreamWriter | None = None
        self._away = False
        self.inbox: Inbox = asyncio.Queue()
        self.advertised = b""
        self.changed = asyncio.Condition()

    @classmethod
    async def open(cls, *, is_radio: bool, port: int = 0) -> Self:
        """Waits on this machine alone, by default at any free port."""
        plug = cls(is_radio)
        plug._server = await asyncio.start_server(plug._plugged, "127.0.0.1", port)
        return plug

    @property
    def address(self) -> str:
        """For the token's option."""
        assert self._server is not None  # noqa: S101
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

    @property
    def is_there(self) -> bool:
        return self._token is not None and not self._token.is_closing()

    def take_away(self) -> None:
        """The token is out of reach, until it is put back."""
        self._away = True
        if self._token is not None:
            self._token.close()

    def put_back(self) -> None:
        """It plugs in again by itself, within a second or so."""
        self._away = False

    async def close(self) -> None:
        self.take_away()
        if self._server is not None:
            self._server.close()

    async def _plugged(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._away:
            writer.close()
            return
        self._token = writer
        await self._advertise(b"")
        try:
            while True:
                said = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
                if self._is_radio and said[:1] == bytes([_ADVERTISE]):
                    await self._advertise(said[_COMPANY_END + 1 :])
                else:
                    self.inbox.put_nowait(said)
        except (OSError, EOFError, asyncio.CancelledError):
            # The last one at the end of the event loop, which complains of it in Python 3.11.
            pass
        finally:
            writer.close()
            self.inbox.put_nowait(None)
            await self._advertise(b"")

    async def _advertise(self, data: bytes) -> None:
        async with self.changed:
            self.advertised = data
            self.changed.notify_all()

    def begin(self) -> Inbox:
        """A connection begins: what comes from now on."""
        self.inbox = asyncio.Queue()
        return self.inbox

    def say(self, said: bytes, inbox: Inbox) -> None:
        """For the connection with this inbox; one that another has followed says nothing any more."""
        if self._token is None or self._token.is_closing() or inbox is not self.inbox:
            raise LinkLost
        self._token.write(len(said).to_bytes(2, "big") + said)


async def hear(inbox: Inbox) -> bytes:
    """What comes next. After the end nothing comes."""
    said = await inbox.get()
    if said is None:
        inbox.put_nowait(None)
        raise LinkLost
    return said
