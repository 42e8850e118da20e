"""Bank and token as programs, a person with the token in hand, and links in Python that can be made to fail."""

import asyncio
import dataclasses
import gc
import os
import socket
import ssl
import sys
import tempfile
import unittest
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ushield import Config, Event, Moment, PinReason, Transfer, Trust, UShield, UShieldError, _ffi, live_objects
from ushield._bridge import _CALLS
from ushield.testing import Air, HttpsBank, MemoryKeystore, Plug, Reader

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tests"))
from scene import PIN, Hand, Scene

PASSWORD = "correct horse battery"
INITIAL_PIN = "12345678"
ACCOUNT = "6222021001116245702"
PAYEE = "杭州西湖龙井茶业有限公司"
#: Seconds after which a wait has failed.
BOUND = 60.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def transfer(amount: int, **more: Any) -> Transfer:
    usual = Transfer(
        debtor_account=ACCOUNT,
        creditor_name=PAYEE,
        creditor_account="6217001210024455220",
        creditor_agent="中国建设银行杭州分行",
        amount=amount,
        currency="CNY",
        remittance_text="十一月货款 2026-11",
    )
    return dataclasses.replace(usual, **more)


class World:
    """A folder with a bank and a token that both run, the token in a reader and at a radio."""

    def __init__(self, scene: Scene, radio: Plug, reader: Plug) -> None:
        self.scene, self.radio, self.reader = scene, radio, reader
        self.air, self.card = Air(radio), Reader(reader)

    @classmethod
    async def open(cls, folder: str) -> "World":
        radio, reader = await Plug.open(is_radio=True), await Plug.open(is_radio=False)
        scene = Scene(os.environ["USHIELD_PROGRAMS"], folder, face_port=free_port(), bank_port=free_port())
        await asyncio.to_thread(scene.prepare, "--gatt", radio.address, "--vpcd", reader.address)
        await until("bank", lambda: answers(scene.bank))
        await until("token in the reader and at the radio", lambda: reader.is_there and radio.is_there)
        return cls(scene, radio, reader)

    def __repr__(self) -> str:
        return f"in the reader: {self.reader.is_there}, at the radio: {self.radio.is_there}"

    async def close(self) -> None:
        await asyncio.to_thread(self.scene.stop)
        await self.radio.close()
        await self.reader.close()

    def bank(self) -> HttpsBank:
        return HttpsBank(f"https://{self.scene.bank}", self.scene.at("bank", "tls-ca.pem"))

    def config(self, phone: str = "Li", **more: object) -> Config:
        root = ssl.PEM_cert_to_DER_cert(Path(self.scene.at("maker", "root.pem")).read_text())
        return Config(Trust.read(self.scene.at("bank", "trust.json")), [root], "li", phone, **more)

    async def phone(self, name: str = "Li", bank: object = None, keystore: object = None, clock: object = None) -> UShield:
        phone = await UShield.open(self.config(name), bank or self.bank(), keystore or MemoryKeystore(), clock)
        await phone.sign_in(bytearray(PASSWORD.encode()))
        return phone

    async def paired(self, link: object, **host: object) -> UShield:
        """A phone that can pay over this link."""
        phone = await self.phone(**host)
        await self.settle(phone, link)
        return phone

    async def settle(self, phone: UShield, link: object) -> None:
        """Signed in, paired, with a PIN and a certificate."""
        await phone.sign_in(bytearray(PASSWORD.encode()))
        await asyncio.to_thread(self.scene.menu_to_pairing)
        await self.run(phone.pair([link]))
        await self.run(phone.change_pin([link]))
        await self.run(phone.download_certificate([link], _ffi.CertificateRole.PAY))

    async def run(self, operation, person=None):
        """An operation to its end, with a person at the token."""
        async with Person(self.scene) if person is None else person as person:
            async with asyncio.timeout(BOUND):
                try:
                    return await operation.finish(person)
                except UShieldError as error:
                    error.add_note(f"{error.place}, by {error.causes}, after {person.moments}, {self}")
                    raise

    async def order(self, phone: UShield, amount: int, **more: object) -> str:
        return await self.run(phone.order_transfer(transfer(amount, **more)))

    async def pay(self, phone: UShield, link: object, amount: int, person=None):
        return await self.run(phone.run_order([link], await self.order(phone, amount)), person)

    async def executed(self) -> int:
        return await asyncio.to_thread(self.scene.executed)


def answers(address: str) -> bool:
    host, port = address.split(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True


async def until(what: str, found: Callable[[], object]) -> object:
    """Waits, with a bound."""
    try:
        async with asyncio.timeout(BOUND):
            while not (value := await asyncio.to_thread(found)):
                await asyncio.sleep(0.02)
            return value
    except TimeoutError:
        raise AssertionError(f"no {what} in {BOUND} s") from None


class Person:
    """Presses what a careful customer would, and knows the PINs. One who watches presses nothing until told to."""

    def __init__(self, scene: Scene, *, watches: bool = False, pins: list[str] | None = None) -> None:
        self.scene, self.watches, self.pins = scene, watches, pins or [PIN]
        self.hand = Hand()
        # The digits are compared here.
        self.hand.told = True
        self.moments: list[Event] = []
        self.texts: list[str] = []
        self.reasons: list[PinReason] = []
        self.heard = asyncio.Condition()
        self._presses: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Person":
        self._presses = asyncio.create_task(self._press())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._presses.cancel()
        await asyncio.wait({self._presses})
        if not self._presses.cancelled():
            self._presses.result()

    async def _press(self) -> None:
        while True:
            if not self.watches:
                # Not cut short: a key is pressed or it is not.
                await asyncio.shield(asyncio.to_thread(self.hand.look, self.scene, None))
            await asyncio.sleep(0.02)

    def tell(self, event: Event, text: str) -> None:
        self.moments.append(event)
        self.texts.append(text)

    async def told(self, moment: Moment) -> None:
        await until(moment.name, lambda: any(event.moment is moment for event in list(self.moments)))

    async def pin(self, reason: PinReason, text: str) -> bytearray | None:
        self.reasons.append(reason)
        self.texts.append(text)
        if reason is PinReason.CURRENT:
            return bytearray(INITIAL_PIN.encode())
        pin = self.pins.pop(0) if len(self.pins) > 1 else self.pins[0]
        return bytearray(pin.encode())

    async def digits_are_equal(self, digits: str, name: str, brand: str) -> bool:
        screen = await asyncio.to_thread(self.scene.screen)
        return digits in screen["text"].replace(" ", "")


def handles() -> dict[str, int]:
    """What lives on either side of the boundary."""
    gc.collect()
    ports = ("BankHttp", "Keystore", "Clock", "Radio", "Packets", "Card")
    maps = {port: getattr(_ffi, f"_UniffiFfiConverterType{port}")._handle_map for port in ports}
    counts = {port: len(handle_map._map) for port, handle_map in maps.items()}
    calls = {"calls": len(_CALLS._map), "continuations": len(_ffi._UniffiContinuationHandleMap._map)}
    return counts | calls | {"objects": live_objects()}


class WorldCase(unittest.IsolatedAsyncioTestCase):
    """One world for the tests of a class would share the token's state: each has its own."""

    async def asyncSetUp(self) -> None:
        self.before = handles()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.world = await World.open(folder.name)
        self.addAsyncCleanup(self.world.close)
        # After the test has returned: nothing of its own holds anything any more.
        self.addAsyncCleanup(self.all_freed)

    async def all_freed(self) -> None:
        """Nothing is left of what was opened since the start. What was given up ends within its bound."""
        try:
            await until("end", lambda: handles() == self.before)
        except AssertionError:
            self.assertEqual(handles(), self.before)


@contextmanager
def quiet_loop(case: unittest.TestCase) -> Iterator[list[str]]:
    """Fails a test in which the event loop has something to complain of."""
    complaints: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(str(context)))
    yield complaints
    case.assertEqual(complaints, [])
