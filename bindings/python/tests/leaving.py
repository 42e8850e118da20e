"""A process that ends with a client open and something running: `leaving.py FOLDER BANK CODE`."""

import asyncio
import sys

from paying import config
from world import PASSWORD

import ushield
from ushield.testing import HttpsBank, MemoryKeystore


class Nowhere(ushield.Radio):
    """Searches for ever."""

    async def connect(self, wanted: ushield.Wanted) -> ushield.OverPackets:
        await asyncio.Event().wait()
        raise AssertionError

    async def look(self) -> list[ushield.Seen]:
        return []


async def main(folder: str, bank: str, code: int) -> None:
    phone = await ushield.UShield.open(config(folder), HttpsBank(bank, f"{folder}/bank/tls-ca.pem"), MemoryKeystore())
    await phone.sign_in(PASSWORD.encode())
    pairing = phone.pair([Nowhere()])
    await anext(pairing)
    print("leaving", flush=True)
    if code:
        raise SystemExit(code)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
