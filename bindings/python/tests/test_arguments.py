"""What cannot be handed over is refused by its name, before anything begins."""

import asyncio
import unittest
from dataclasses import replace
from pathlib import Path
from typing import Any

from world import WorldCase, transfer

from ushield import BankUnreachable, CertificateRole, Code, Config, HttpRequest, HttpResponse, Trust, UShield, UShieldError
from ushield.testing import MemoryKeystore

TRUST = Trust("DEMOCNBJ", "Test bank", "02" + "11" * 32)
SECRET = "6222021001116245702"


class NoBank:
    async def call(self, request: HttpRequest) -> HttpResponse:
        raise BankUnreachable


class Arguments(WorldCase):
    async def refused(self, said: str, call: Any) -> None:
        with self.subTest(said), self.assertRaises(ValueError) as raised:
            await call()
        self.assertEqual(str(raised.exception), said)
        self.assertIsNone(raised.exception.__context__, "nothing behind it that shows the value")

    async def test_a_configuration(self) -> None:
        def opening(**wrong: Any) -> Any:
            given: dict[str, Any] = {"trust": TRUST, "makers": [], "customer": "li", "phone": "Li"}
            return lambda: UShield.open(Config(**given | wrong), NoBank(), MemoryKeystore())

        await self.refused("Config.customer is to be str, not int", opening(customer=7))
        await self.refused("Config.trust is to be Trust, not str", opening(trust="trust.json"))
        await self.refused("Config.makers is to be Sequence[bytes], not bytes", opening(makers=b"DER"))
        await self.refused("Config.store is to be str | Path | None, not bytes", opening(store=b"/tmp"))
        await self.refused("Trust.root is to be str, not bytes", opening(trust=Trust("DEMOCNBJ", "Test bank", b"\x02")))  # type: ignore[arg-type]
        await self.refused("Config.phone holds half a character", opening(phone="Li\ud800"))
        await self.refused("Config.store holds half a character", opening(store=Path("/tmp/Li\udc80")))

    def test_a_trust_that_is_none(self) -> None:
        file = Path(self.world.scene.at("trust.json"))
        for content in ("[]", "{}", '{"bank_id": 7, "name": "Test bank", "root": "02"}', "no JSON", '{"bank_id": "DEMOCNBJ", "name": "x"}'):
            file.write_text(content)
            with self.subTest(content), self.assertRaises(UShieldError) as raised:
                Trust.read(file)
            self.assertEqual(raised.exception.code, Code.BAD_INPUT)

    async def test_calls(self) -> None:
        async with await self.world.phone() as phone:

            def ordering(**wrong: Any) -> Any:
                async def order() -> None:
                    phone.order_transfer(replace(transfer(1), **wrong))

                return order

            def pairing(again: Any) -> Any:
                async def pair() -> None:
                    phone.pair([], mode_opened_again=again)

                return pair

            def pairing_with(radios: Any) -> Any:
                async def pair() -> None:
                    phone.pair(radios)

                return pair

            async def ordering_text() -> None:
                phone.order_transfer("12.34 to Wang")  # type: ignore[arg-type]

            async def given_role() -> None:
                phone.download_certificate([], "pay")  # type: ignore[arg-type]

            await self.refused("Transfer.amount is to be int, not float", ordering(amount=12.34))
            await self.refused("Transfer.amount is to be int, not bool", ordering(amount=True))
            await self.refused("Transfer.amount is to be 1 to 999,999,999,999,999", ordering(amount=-1))
            await self.refused("Transfer.execution_date is to be 10,101 to 99,991,231", ordering(execution_date=2**40))
            await self.refused("Transfer.account_scheme is to be TransferScheme, not str", ordering(account_scheme="iban"))
            await self.refused("Transfer.debtor_account holds half a character", ordering(debtor_account=SECRET + "\ud800"))
            await self.refused("role is to be CertificateRole, not str", given_role)
            await self.refused("role is to be CertificateRole, not int", lambda: phone.certificate(1))  # type: ignore[arg-type]
            await self.refused("order is to be str, not bytes", lambda: phone.preview(SECRET.encode()))  # type: ignore[arg-type]
            await self.refused("token holds half a character", lambda: phone.certificate(CertificateRole.PAY, SECRET + "\ud800"))
            await self.refused("mode_opened_again is to be bool, not str", pairing("no"))
            await self.refused("radios is to be a list, not Air", pairing_with(self.world.air))
            await self.refused("transfer is to be Transfer, not str", ordering_text)
            await self.refused("config is to be Config, not str", lambda: UShield.open("li", NoBank(), MemoryKeystore()))  # type: ignore[arg-type]
            await self.refused("a secret is to be bytes or bytearray, not str", lambda: phone.sign_in(SECRET))  # type: ignore[arg-type]
            # Nothing is in use by what was refused: it closes at once.
            await asyncio.wait_for(phone.close(), 10)


if __name__ == "__main__":
    unittest.main()
