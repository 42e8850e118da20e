"""A process that is killed while the customer reads: `paying.py FOLDER BANK PORT`. It says `review` when the token shows the order."""

import asyncio
import ssl
import sys
from pathlib import Path

from world import PASSWORD, PIN, transfer

import ushield
from ushield.testing import Air, FileKeystore, HttpsBank, Plug


def config(folder: str) -> ushield.Config:
    root = ssl.PEM_cert_to_DER_cert(Path(f"{folder}/maker/root.pem").read_text())
    return ushield.Config(ushield.Trust.read(f"{folder}/bank/trust.json"), [root], "li", "Li", store=f"{folder}/phone/store")


async def main(folder: str, bank: str, port: int) -> None:
    radio = await Plug.open(is_radio=True, port=port)
    while not radio.is_there:
        await asyncio.sleep(0.02)
    phone = await ushield.UShield.open(config(folder), HttpsBank(bank, f"{folder}/bank/tls-ca.pem"), FileKeystore(f"{folder}/phone/keys"))
    await phone.sign_in(PASSWORD.encode())
    ordering = phone.order_transfer(transfer(4_711))
    async for step in ordering:
        if isinstance(step, ushield.Done):
            order = step.result
    async for step in phone.run_order([Air(radio)], order):
        if isinstance(step, ushield.PinAsked):
            step.answer(PIN.encode())
        if isinstance(step, ushield.Told) and step.event.moment is ushield.Moment.REVIEW_ON_TOKEN:
            print("review", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
