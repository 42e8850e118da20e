"""A process that dies in the middle of an order, and the next one."""

import asyncio
import sys
from pathlib import Path

from world import WorldCase, quiet_loop

from ushield import OrderOutcome, UShield
from ushield.testing import FileKeystore


class Process(WorldCase):
    async def test_killed_while_the_customer_reads(self) -> None:
        """The order is on the token's screen and the process is gone: a new one goes on, over another link, and it is paid once."""
        world = self.world
        folder = Path(world.scene.at("phone"))
        config = world.config(store=folder / "store")

        async def opened() -> UShield:
            return await UShield.open(config, world.bank(), FileKeystore(folder / "keys"))

        with quiet_loop(self):
            await asyncio.to_thread(folder.mkdir, mode=0o700)
            async with await opened() as phone:
                await world.settle(phone, world.card)
            address = world.radio.address
            await world.radio.close()
            child = await asyncio.create_subprocess_exec(
                *[sys.executable, str(Path(__file__).with_name("paying.py"))],
                *[str(folder.parent), f"https://{world.scene.bank}", address.rpartition(":")[2]],
                stdout=asyncio.subprocess.PIPE,
            )
            assert child.stdout is not None
            async with asyncio.timeout(60):
                self.assertEqual(await child.stdout.readline(), b"review\n")
            child.kill()
            await child.wait()
            self.assertEqual(await world.executed(), 0)
            async with await opened() as phone:
                [entry] = [entry for entry in await phone.history() if entry.receipt is None]
                self.assertEqual(entry.content.amount, 4_711)
                [resumed] = await world.run(phone.resume([world.card]))
                self.assertEqual((resumed.order, resumed.report.receipt.outcome), (entry.order, OrderOutcome.EXECUTED))
                [entry] = [found for found in await phone.history() if found.order == entry.order]
                self.assertEqual(entry.outcome, OrderOutcome.EXECUTED)
            self.assertEqual(await world.executed(), 1)

    async def test_a_process_that_ends_with_a_client_open(self) -> None:
        """It ends with its own exit code, whatever still runs."""
        world = self.world
        folder = Path(world.scene.at("leaving")).parent
        with quiet_loop(self):
            for code in (0, 3, 0, 3):
                child = await asyncio.create_subprocess_exec(
                    *[sys.executable, str(Path(__file__).with_name("leaving.py"))],
                    *[str(folder), f"https://{world.scene.bank}", str(code)],
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.PIPE,
                )
                async with asyncio.timeout(60):
                    said, complained = await child.communicate()
                self.assertEqual((said, child.returncode), (b"leaving\n", code), complained.decode())
