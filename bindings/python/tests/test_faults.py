"""A host that raises, never answers or answers nonsense harms nothing: at every callback."""

import asyncio
import sys
import tempfile
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

from faulty import SAID, Fault, Faulty, Kind, SystemClock
from world import BOUND, PASSWORD, WorldCase, free_port, quiet_loop, until

from ushield import CertificateRole, Code, Moment, OverPackets, RetryError, Told, UShield, UShieldError, Wanted
from ushield.testing import FileKeystore, HttpsBank, MemoryKeystore

#: What answers at once.
KINDS = [kind for kind in Kind if kind is not Kind.HANGS]


class Faults(WorldCase):
    def told(self, error: UShieldError, fault: Fault) -> None:
        """Nothing of what the host said is kept, but the type of what it raised."""
        whole = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
        self.assertNotIn(SAID, whole)
        if fault.kind is Kind.RAISES and fault.calls:
            self.assertIn("the host threw Boom", error.causes)

    async def fails(self, work, fault: Fault, *codes: Code) -> None:
        try:
            async with asyncio.timeout(BOUND):
                await work
        except UShieldError as error:
            self.assertIn(error.code, codes, f"{error} by {error.causes}")
            self.told(error, fault)
        else:
            self.fail("nothing failed")
        self.assertGreater(fault.calls, 0, "it was never called")

    async def test_the_bank(self) -> None:
        for kind in KINDS:
            with self.subTest(kind), quiet_loop(self):
                fault = Fault("call", kind, on=False)
                async with await self.world.phone(bank=Faulty(self.world.bank(), fault)) as phone:
                    fault.on = True
                    await self.fails(phone.accounts(), fault, Code.BANK_UNREACHABLE)
                    fault.on = False
                    self.assertEqual(len(await phone.accounts()), 1)

    async def test_why_a_bank_is_not_reached_is_told_by_a_type(self) -> None:
        nobody = HttpsBank(f"https://127.0.0.1:{free_port()}", self.world.scene.at("bank", "tls-ca.pem"))
        async with await UShield.open(self.world.config(), nobody, MemoryKeystore()) as phone:
            with self.assertRaises(RetryError) as raised:
                await phone.sign_in(PASSWORD.encode())
            self.assertEqual(raised.exception.code, Code.BANK_UNREACHABLE)
            self.assertIn("the host threw ConnectionRefusedError", raised.exception.causes)

    async def test_the_key_store(self) -> None:
        # Another key store, another store: each is by a folder of its own.
        for method in ("create_dh", "sealing_key"):
            for kind in KINDS:
                with self.subTest(method, kind=kind), quiet_loop(self), tempfile.TemporaryDirectory() as folder:
                    fault = Fault(method, kind)
                    keystore = Faulty(FileKeystore(Path(folder) / "keys"), fault)
                    config = self.world.config(store=Path(folder) / "store")

                    async def pairs(config=config, keystore=keystore) -> None:
                        async with await UShield.open(config, self.world.bank(), keystore) as phone:
                            await phone.sign_in(PASSWORD.encode())
                            await asyncio.to_thread(self.world.scene.menu_to_pairing)
                            await self.world.run(phone.pair([self.world.card]))

                    await self.fails(pairs(), fault, Code.KEYSTORE_FAILURE)
        fault = Fault("", Kind.RAISES)
        async with await self.world.paired(self.world.card, keystore=Faulty(MemoryKeystore(), fault)) as phone:
            for kind in KINDS:
                with self.subTest("agree", kind=kind), quiet_loop(self):
                    fault.method, fault.kind, fault.on, fault.calls = "agree", kind, True, 0
                    await self.fails(self.world.run(phone.token_state([self.world.card])), fault, Code.KEYSTORE_FAILURE)
                    fault.on = False
                    await self.world.run(phone.token_state([self.world.card]))

    async def test_the_clock(self) -> None:
        fault = Fault("", Kind.RAISES, on=False)
        async with await self.world.paired(self.world.card, clock=SystemClock(fault)) as phone:
            for method in ("unix_seconds", "elapsed_millis"):
                for number, kind in enumerate(KINDS):
                    with self.subTest(method, kind=kind), quiet_loop(self):
                        # The system's is taken.
                        fault.method, fault.kind, fault.on, fault.calls = method, kind, True, 0
                        order = await self.world.order(phone, 1_000 + 100 * number + len(method))
                        await self.world.run(phone.cancel_order([], order))
                        await self.world.run(phone.token_state([self.world.card]))
                        # By a thread of its own, whenever the time is needed and the last answer is old.
                        async with asyncio.timeout(60):
                            while not fault.calls:
                                await phone.is_signed_in()
                                await asyncio.sleep(0.05)

    async def again(self, phone: UShield, link: object) -> None:
        """It works again: the token may be with the connection that broke for a moment."""
        async with asyncio.timeout(60):
            while True:
                try:
                    return await self.world.run(phone.token_state([link]))
                except RetryError:
                    await asyncio.sleep(0.05)

    async def links(self, link: object, *methods: str) -> None:
        async with await self.world.paired(link) as phone:
            for method in methods:
                for kind in KINDS:
                    with self.subTest(method, kind=kind), quiet_loop(self):
                        fault = Fault(method, kind)
                        radio = Faulty(link, fault)
                        state = self.world.run(phone.token_state([radio]))
                        if method in ("disconnect", "release"):
                            await state
                            self.assertGreater(fault.calls, 0)
                        elif method == "look":
                            state.close()
                            # What a radio cannot say is not in reach.
                            try:
                                self.assertEqual(await phone.in_reach([radio]), [])
                            except UShieldError as error:
                                self.told(error, fault)
                            self.assertGreater(fault.calls, 0)
                        elif method == "write" and kind in (Kind.NOTHING, Kind.A_NUMBER, Kind.A_LIST):
                            # It says that it has written, and has not: known by nobody but the token.
                            state.close()
                        else:
                            await self.fails(state, fault, Code.LINK_LOST, Code.TAG_LOST)
                        fault.on = False
                        await self.again(phone, link)
                        # Once is overcome, where the core tries again.
                        once = Faulty(link, Fault(method, kind, passes=1))
                        try:
                            await self.world.run(phone.certificate_on_token([once], CertificateRole.PAY))
                        except UShieldError as error:
                            self.told(error, fault)

    async def test_a_radio_with_packets(self) -> None:
        await self.links(self.world.air, "connect", "look", "info", "write", "notified", "disconnect")

    async def test_a_reader_with_a_card(self) -> None:
        await self.links(self.world.card, "connect", "look", "transceive", "release")

    async def test_what_was_connected_and_is_refused_is_ended(self) -> None:
        world, ended = self.world, []

        class Ending:
            """A connection whose end is counted, slowly."""

            def __init__(self, packets: Any) -> None:
                self.packets = packets

            def __getattr__(self, name: str) -> Any:
                return getattr(self.packets, name)

            async def disconnect(self) -> None:
                await self.packets.disconnect()
                await asyncio.sleep(0.1)
                ended.append(self)

        class Odd:
            def __init__(self, **odd: Any) -> None:
                self.odd, self.made = odd, 0

            async def connect(self, wanted: Wanted) -> OverPackets:
                stands = await world.air.connect(wanted)
                self.made += 1
                return replace(stands, packets=Ending(stands.packets), **self.odd)

        async with await world.paired(world.air) as phone:
            for odd in ({"others": -1}, {"place": "air\ud800"}, {"mtu": "185"}, {"place": ""}, {"mtu": 3}):
                with self.subTest(odd), quiet_loop(self):
                    ended.clear()
                    radio = Odd(**odd)
                    with self.assertRaises(UShieldError) as raised:
                        await world.run(phone.token_state([radio]))
                    self.assertEqual(raised.exception.code, Code.LINK_LOST)
                    await until("ends of all", lambda radio=radio: radio.made and len(ended) == radio.made)
            for _ in range(10):
                with quiet_loop(self):
                    ended.clear()
                    radio = Odd()
                    async with phone.token_state([radio]) as operation:
                        async for step in operation:
                            if isinstance(step, Told) and step.event.moment is Moment.CONNECTED:
                                break
                    # Stopped on a connection: it ends, and to its end.
                    await until("end", lambda radio=radio: len(ended) == radio.made)

    async def test_a_host_without_an_end(self) -> None:
        """What a host lacks is an error of its own, at once."""
        world = self.world

        class Endless:
            async def connect(self, wanted: Wanted) -> OverPackets:
                stands = await world.air.connect(wanted)
                return replace(stands, packets=NoDisconnect(stands.packets))

        class NoDisconnect:
            def __init__(self, packets: Any) -> None:
                self.info, self.write, self.notified = packets.info, packets.write, packets.notified
                endless.append(packets)

        endless: list[Any] = []
        async with await world.paired(world.air) as phone:
            with quiet_loop(self):
                unraisable: list[object] = []
                hook, sys.unraisablehook = sys.unraisablehook, unraisable.append
                try:
                    await world.run(phone.token_state([Endless()]))
                finally:
                    sys.unraisablehook = hook
                self.assertEqual(unraisable, [])
                for packets in endless:
                    await packets.disconnect()

    async def test_a_host_that_never_answers(self) -> None:
        """The event loop goes on, the operation can be stopped, and what hung is cancelled."""
        fault = Fault("", Kind.HANGS, on=False)
        bank, keystore = Faulty(self.world.bank(), fault), Faulty(MemoryKeystore(), fault)
        async with await self.world.paired(self.world.card, bank=bank, keystore=keystore) as phone:
            air, card = Faulty(self.world.air, fault), Faulty(self.world.card, fault)
            hosts = [(air, name) for name in ("connect", "info", "write", "notified")]
            hosts += [(card, name) for name in ("connect", "transceive")] + [(card, "agree")]
            for radio, method in hosts:
                with self.subTest(method, radio=radio), quiet_loop(self):
                    fault.method, fault.on, fault.calls, fault.cancelled = method, True, 0, 0
                    async with phone.token_state([radio]) as operation:
                        steps = asyncio.ensure_future(_all(operation))
                        await until(f"call of {method}", lambda: fault.hanging == 1)
                        for _ in range(1_000):
                            await asyncio.sleep(0)
                        self.assertFalse(steps.done())
                        operation.stop()
                        with self.assertRaises(UShieldError) as raised:
                            await asyncio.wait_for(steps, BOUND)
                        self.assertEqual(raised.exception.code, Code.INTERRUPTED)
                    await until(f"end of {method}", lambda: fault.hanging == 0)
                    self.assertEqual(fault.cancelled, 1)
                    fault.on = False
                    await self.world.run(phone.token_state([self.world.card]))
            with self.subTest("call"), quiet_loop(self):
                fault.method, fault.on, fault.cancelled = "call", True, 0
                waiting = asyncio.ensure_future(phone.accounts())
                await until("call", lambda: fault.hanging == 1)
                waiting.cancel()
                await until("end of call", lambda: fault.hanging == 0)
                self.assertEqual(fault.cancelled, 1)
                fault.on = False
                self.assertEqual(len(await phone.accounts()), 1)
            # These have a bound of the core's that a test can wait for.
            for radio, method in ((air, "disconnect"), (card, "release")):
                with self.subTest(method), quiet_loop(self):
                    fault.method, fault.on, fault.cancelled = method, True, 0
                    await self.world.run(phone.token_state([radio]))
                    await until(f"end of {method}", lambda: fault.hanging == 0 and fault.cancelled == 1)
                    fault.on = False


async def _all(operation) -> None:
    async for _ in operation:
        pass
