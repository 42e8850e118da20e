"""No secret in any string, exception, `repr` or log: canaries across the boundary."""

import asyncio
import contextlib
import io
import logging
import os
import tempfile
import traceback
from collections.abc import Iterator
from typing import Any

from faulty import SAID, Fault, Faulty, Kind
from world import ACCOUNT, INITIAL_PIN, PASSWORD, PAYEE, PIN, Person, WorldCase, transfer

import ushield
from ushield import CertificateRole, HttpRequest, HttpResponse, TransferScheme, UShieldError
from ushield.testing import MemoryKeystore

AMOUNT = 777_777
CANARIES = [PIN, INITIAL_PIN, PASSWORD, ACCOUNT, PAYEE, "6217001210024455220", "十一月货款", "建设银行", str(AMOUNT), "7,777.77", SAID]


@contextlib.contextmanager
def everything_printed() -> Iterator[list[str]]:
    """What is written to the process' own outputs, by whomever, and what is logged."""
    printed: list[str] = []
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    with tempfile.TemporaryFile() as file:
        kept = [os.dup(number) for number in (1, 2)]
        for number in (1, 2):
            os.dup2(file.fileno(), number)
        try:
            yield printed
        finally:
            for number, copy in zip((1, 2), kept, strict=True):
                os.dup2(copy, number)
                os.close(copy)
            root.removeHandler(handler)
            root.setLevel(level)
            file.seek(0)
            printed += [file.read().decode(errors="replace"), log.getvalue()]


class Noting(MemoryKeystore):
    """Remembers the keys that it gave out."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[bytes] = []

    async def agree(self, name: str, point: bytes) -> bytes:
        self.given.append(await super().agree(name, point))
        return self.given[-1]


class NotingBank:
    def __init__(self, bank: Any) -> None:
        self._bank = bank
        self.seen: list[object] = []
        self.bearers: list[bytes] = []

    async def call(self, request: HttpRequest) -> HttpResponse:
        answer: HttpResponse = await self._bank.call(request)
        self.seen += [request, answer]
        self.bearers += [value for name, value in request.headers if name == "Authorization"]
        return answer


class Secrets(WorldCase):
    def assert_silent(self, shown: str, *more: str) -> None:
        for canary in [*CANARIES, *more]:
            self.assertNotIn(canary, shown)

    async def test_nothing_shows_a_secret(self) -> None:
        world, seen, failures = self.world, [], []
        keystore, bank = Noting(), NotingBank(world.bank())
        fault = Fault("call", Kind.RAISES, on=False)
        with everything_printed() as printed:
            # Every task, with what it returns, is shown where it is slow: the loop is to find everything so.
            asyncio.get_running_loop().slow_callback_duration = 0
            async with await world.paired(world.air, bank=Faulty(bank, fault), keystore=keystore) as phone:
                seen += [phone, world.config(), *await phone.accounts(), *await phone.tokens(), *await phone.in_reach([world.air])]
                seen += [await world.run(phone.token_state([world.air]))]
                wanted = transfer(AMOUNT)
                operation = phone.order_transfer(wanted)
                async for step in operation:
                    seen.append(step)
                seen += [wanted, operation]
                order = seen_order(seen)
                async with Person(world.scene) as person, phone.run_order([world.card], order) as running:
                    async for step in running:
                        seen.append(step)
                        if isinstance(step, ushield.PinAsked):
                            pin = await person.pin(step.reason, step.text)
                            self.assertTrue(step.answer(pin))
                            self.assertEqual(pin, bytes(len(PIN)), "the PIN is wiped")
                            self.assertFalse(step.answer(bytearray(PIN.encode())), "it is asked once")
                entries = await phone.history()
                seen += [*entries, *(entry.content for entry in entries), await phone.adopt(), *await world.run(phone.resume([]))]

                password = bytearray(PASSWORD.encode())
                await phone.sign_in(password)
                self.assertEqual(password, bytes(len(PASSWORD)), "the password is wiped")
                failures += await self.failures(phone, fault)
        seen += bank.seen
        secrets = [shown for key in keystore.given for shown in (key.hex(), repr(key)[2:-1][:40])]
        secrets += [bearer.decode().split()[-1] for bearer in bank.bearers]
        self.assertGreater(len(seen), 20)
        self.assertGreater(len(keystore.given), 3)
        for value in seen:
            self.assert_silent(repr(value) + str(value), *secrets)
        self.assertGreaterEqual(len(failures), 8)
        for error in failures:
            self.assert_silent("".join(traceback.format_exception(error)) + repr(error) + repr(vars(error)), *secrets)
            self.assertIsNone(error.__context__, "an exception behind it may hold what it was about")
        self.assertIn("took", printed[1], "slow calls were logged")
        for shown in printed:
            self.assert_silent(shown, *secrets)

    async def failures(self, phone: ushield.UShield, fault: Fault) -> list[Exception]:
        """Every way to be wrong with something secret in hand."""
        world = self.world

        async def paying(**wrong: object) -> None:
            await world.run(phone.order_transfer(transfer(**{"amount": AMOUNT} | wrong)))

        async def with_pin(pin: bytes) -> None:
            async with phone.change_pin([world.card]) as operation:
                async for step in operation:
                    if isinstance(step, ushield.PinAsked):
                        step.answer(pin)

        attempts = [
            lambda: phone.sign_in((PASSWORD + "!").encode()),
            lambda: phone.sign_in(PASSWORD.encode() + b"\xff"),
            lambda: phone.sign_in(b""),
            lambda: with_pin(PIN.encode() + b" \xff"),
            lambda: with_pin(b""),
            lambda: paying(debtor_account=ACCOUNT + "0"),
            lambda: paying(creditor_account="6217001210024455220", account_scheme=TransferScheme.IBAN),
            lambda: paying(creditor_name=PAYEE * 20),
            lambda: paying(amount=0),
            lambda: paying(amount=-AMOUNT),
            lambda: paying(beside=PIN),
            lambda: phone.preview(ACCOUNT),
            lambda: phone.certificate(CertificateRole.PAY, ACCOUNT),
            lambda: world.run(phone.pair_by_code([world.card], (ACCOUNT + PIN).encode())),
            # Half a character, which no interface takes: the exception for it holds the whole text.
            lambda: paying(debtor_account=ACCOUNT + "\ud800"),
            lambda: phone.preview(ACCOUNT + "\ud800"),
        ]
        failures: list[Exception] = []
        for number, attempt in enumerate(attempts):
            with self.subTest(attempt=number):
                try:
                    await attempt()
                except (UShieldError, ValueError) as error:
                    failures.append(error)
                else:
                    self.fail("nothing failed")
        fault.on = True
        try:
            await phone.accounts()
        except UShieldError as error:
            failures.append(error)
        return failures

    async def test_an_error_is_the_catalogues_data(self) -> None:
        phone = await self.world.phone()
        with self.assertRaises(ushield.ActError) as raised:
            await phone.sign_in(b"another one")
        error = raised.exception
        self.assertEqual((error.code, error.name, str(error)), (ushield.Code.WRONG_PASSWORD, "wrong-password", "wrong-password"))
        self.assertEqual((error.fault, error.tries_left is None or error.tries_left > 0), (ushield.Fault.CUSTOMER, True))
        self.assertGreater(min(len(error.title), len(error.what), len(error.remedy), error.number), 0)
        await phone.close()


def seen_order(seen: list[object]) -> str:
    [done] = [step for step in seen if isinstance(step, ushield.Done)]
    return str(done.result)
