"""Pairs a software token over packets, gets a certificate and pays: python3 example.py BANK-URL BANK-FOLDER MAKER-FOLDER PORT

The token plugs in with `ushield-token run --gatt 127.0.0.1:PORT`; you press its keys. First "Pair a phone" there.
"""

import asyncio
import getpass
import ssl
import sys
from pathlib import Path

from ushield import CertificateRole, Config, Event, PinReason, Transfer, Trust, UShield, UShieldError
from ushield.testing import Air, HttpsBank, MemoryKeystore, Plug


class AtTheTerminal:
    def tell(self, event: Event, text: str) -> None:
        print(text)

    async def pin(self, reason: PinReason, text: str) -> bytes:
        return (await asyncio.to_thread(getpass.getpass, f"{text}: ")).encode()

    async def digits_are_equal(self, digits: str, name: str, brand: str) -> bool:
        said = await asyncio.to_thread(input, f"{name} ({brand}) shows {digits}? [y/n] ")
        return said == "y" if said in ("y", "n") else await self.digits_are_equal(digits, name, brand)


async def main(bank_url: str, bank: Path, maker: Path, port: int) -> None:
    root = ssl.PEM_cert_to_DER_cert((maker / "root.pem").read_text())
    config = Config(Trust.read(bank / "trust.json"), [root], customer="li", phone="Python")
    plug, customer = await Plug.open(is_radio=True, port=port), AtTheTerminal()
    radios = [Air(plug)]
    async with await UShield.open(config, HttpsBank(bank_url, bank / "tls-ca.pem"), MemoryKeystore()) as phone:
        await phone.sign_in((await asyncio.to_thread(getpass.getpass, "Password at the bank: ")).encode())
        token = await phone.pair(radios).finish(customer)
        if (await phone.token_state(radios).finish(customer)).pin_initial:
            await phone.change_pin(radios).finish(customer)
        await phone.download_certificate(radios, CertificateRole.PAY).finish(customer)
        transfer = Transfer(
            debtor_account=(await phone.accounts())[0].number,
            creditor_name="Hangzhou Tea",
            creditor_account="6217001210024455220",
            creditor_agent="Bank of Hangzhou",
            amount=1_234_50,
            currency="CNY",
        )
        order = await phone.order_transfer(transfer, token.id).finish(customer)
        print("\n\n".join(await phone.preview(order)))
        report = await phone.run_order(radios, order).finish(customer)
        print(f"{report.text}: {report.exchanges} exchanges, {report.bytes} bytes")
    await plug.close()


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])))
    except UShieldError as error:
        sys.exit(f"{error.title}. {error.what} {error.remedy} ({error.name})")
    except (OSError, ValueError, IndexError) as error:
        sys.exit(f"{__doc__}\n{type(error).__name__}: {error}")
