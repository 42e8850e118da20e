"""Many at once, and many one after the other."""

import asyncio
import tempfile
import threading
import time
import unittest
from pathlib import Path

from world import PASSWORD, World, WorldCase, handles, quiet_loop, until

from ushield import OrderOutcome, UShield, UShieldError, Whose
from ushield.testing import FileKeystore

#: A token keeps a limited number of approvals for as long as their orders could come again.
PAID, TAKEN_BACK = 40, 260
#: Seconds for all of them together, on a machine that does other things too.
ORDERS_BOUND = 300


class Many(WorldCase):
    async def test_two_clients_on_one_event_loop(self) -> None:
        """Two phones of one token: what one does waits for the other, or says that it is busy."""
        world = self.world
        with quiet_loop(self):
            async with await world.paired(world.card) as one, await world.phone("Second") as two:
                await asyncio.to_thread(world.scene.menu_to_pairing)
                await world.run(two.pair([world.air]))
                self.assertEqual([state.this for state in (await world.run(two.token_state([world.air]))).phones], [False, True])
                # It advertises for both in turn.
                for seen in await asyncio.gather(one.in_reach([world.air]), two.in_reach([world.air])):
                    self.assertEqual([token.whose for token in seen], [Whose.OURS])
                order = await world.order(one, 7_000)
                results = await asyncio.gather(
                    world.run(one.run_order([world.card], order)),
                    *(client.accounts() for client in (one, two) for _ in range(20)),
                    *(client.history() for client in (one, two) for _ in range(20)),
                )
                self.assertEqual(results[0].receipt.outcome, OrderOutcome.EXECUTED)
                self.assertEqual((len(await one.history()), len(await two.history())), (2, 0))

    async def test_many_orders(self) -> None:
        world = self.world
        async with await world.paired(world.card) as phone:
            begun, before = time.monotonic(), handles()
            for number in range(PAID):
                link = world.air if number % 2 else world.card
                report = await world.pay(phone, link, 100 + number)
                self.assertEqual(report.receipt.outcome, OrderOutcome.EXECUTED)
            for number in range(TAKEN_BACK):
                order = await world.order(phone, 1_000 + number)
                report = await world.run(phone.cancel_order([world.card], order))
                self.assertEqual(report.receipt.outcome, OrderOutcome.CANCELLED)
            del report
            took = time.monotonic() - begun
            print(f"{PAID} orders paid and {TAKEN_BACK} taken back in {took:.0f} s", flush=True)
            self.assertLess(took, ORDERS_BOUND)
            await until("end of the last connection", lambda: handles() == before)
            self.assertEqual(await world.executed(), PAID)

    async def test_a_new_process_goes_on(self) -> None:
        """What a folder remembers, with keys in a file: the next client has it, and nobody else beside it."""
        world = self.world
        with quiet_loop(self), tempfile.TemporaryDirectory() as folder:
            config = world.config(store=Path(folder) / "store")

            async def opened() -> UShield:
                return await UShield.open(config, world.bank(), FileKeystore(Path(folder) / "keys"))

            async with await opened() as phone:
                await phone.sign_in(PASSWORD.encode())
                await asyncio.to_thread(world.scene.menu_to_pairing)
                await world.run(phone.pair([world.air]))
                self.assertIsNone(phone.notice)
            async with await opened() as phone:
                self.assertEqual(len(await phone.tokens()), 1)
                self.assertTrue(await phone.is_signed_in())
                self.assertTrue((await world.run(phone.token_state([world.air]))).pin_initial)
                await phone.forget_here()
                self.assertEqual(await phone.tokens(), [])
            with self.assertRaises(RuntimeError):
                await phone.tokens()

    async def test_a_folder_is_free_when_its_client_is_closed(self) -> None:
        """Whatever runs then, and whenever `open` is given up."""
        world, before = self.world, handles()
        with quiet_loop(self), tempfile.TemporaryDirectory() as folder:
            config = world.config(store=Path(folder) / "store")
            keys = FileKeystore(Path(folder) / "keys")
            for _ in range(20):
                phone = await UShield.open(config, world.bank(), keys)
                pairing = phone.pair([world.air])
                calls = [asyncio.ensure_future(phone.in_reach([world.card])) for _ in range(3)]
                await anext(pairing)
                await phone.close()
                for ended in await asyncio.gather(*calls, return_exceptions=True):
                    self.assertIsInstance(ended, UShieldError)
            for turns in range(40):
                opening = asyncio.ensure_future(UShield.open(config, world.bank(), keys))
                for _ in range(turns):
                    await asyncio.sleep(0)
                opening.cancel()
                try:
                    phone = await opening
                except asyncio.CancelledError:
                    pass
                else:
                    await phone.close()
            async with await UShield.open(config, world.bank(), keys) as phone:
                self.assertEqual(await phone.history(), [])
            del phone, pairing, opening, calls, ended
        await until("everything is freed", lambda: handles() == before)


class Threads(unittest.TestCase):
    def test_two_clients_on_two_event_loops(self) -> None:
        """Each on a thread of its own, each with its token; then again on new loops, when the first are closed."""
        before = handles()

        async def pays() -> OrderOutcome:
            with tempfile.TemporaryDirectory() as folder, quiet_loop(self):
                world = await World.open(folder)
                async with await world.paired(world.air) as phone:
                    report = await world.pay(phone, world.card, 4_200)
                await world.close()
                return report.receipt.outcome

        for _ in range(2):
            outcomes: list[OrderOutcome] = []
            threads = [threading.Thread(target=lambda: outcomes.append(asyncio.run(pays()))) for _ in range(2)]  # noqa: B023
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(120)
            self.assertEqual(outcomes, [OrderOutcome.EXECUTED] * 2)
        asyncio.run(until("end of what lives", lambda: handles() == before))

    def test_an_event_loop_that_ends_takes_all_along(self) -> None:
        """Nothing was closed, and the loop is: callbacks are answered, and nothing is left."""
        before = handles()

        async def leaves() -> None:
            with tempfile.TemporaryDirectory() as folder:
                world = await World.open(folder)
                phone = await world.paired(world.air)
                world.radio.take_away()
                # Is left in the middle of a search.
                operation = phone.token_state([world.air])
                await anext(operation)
                await world.close()

        asyncio.run(leaves())
        asyncio.run(until("end of what lives", lambda: handles() == before))
