"""Links that fail, and a card that is taken away while the customer reads."""

import asyncio
from dataclasses import replace
from typing import Any

from world import Person, WorldCase, quiet_loop, until

from ushield import LinkLost, Moment, OrderOutcome, OverCard, OverPackets, UShieldError


class Weak:
    """A link that is lost at its nth message, once."""

    def __init__(self, host: Any, after: int) -> None:
        self._host, self.after = host, after

    async def connect(self, wanted: object) -> object:
        stands = await self._host.connect(wanted)
        if isinstance(stands, OverPackets):
            return replace(stands, packets=_Counted(stands.packets, self))
        assert isinstance(stands, OverCard)
        return replace(stands, card=_Counted(stands.card, self))


class _Counted:
    def __init__(self, connection: Any, link: Weak) -> None:
        self._connection, self._link = connection, link

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._connection, name)
        if name not in ("write", "notified", "transceive"):
            return member

        async def call(*arguments: object) -> object:
            answer = await member(*arguments)
            self._link.after -= 1
            if self._link.after == -1:
                # What was sent has arrived; what was answered has not.
                raise LinkLost
            return answer

        return call


class Links(WorldCase):
    async def lost_at_every_message(self, link: object) -> int:
        """The order is executed exactly once, by the same run or by one that resumes it. How many messages there are."""
        world = self.world
        async with await world.paired(link) as phone:
            for after in range(60):
                with self.subTest(after=after), quiet_loop(self):
                    weak = Weak(link, after)
                    order = await world.order(phone, 1_000 + after)
                    try:
                        await world.run(phone.run_order([weak], order))
                    except UShieldError as error:
                        self.assertEqual(type(error).__name__, "RetryError", error)
                        [resumed] = await world.run(phone.resume([link]))
                        self.assertEqual(resumed.order, order)
                    [entry] = [entry for entry in await phone.history() if entry.order == order]
                    self.assertEqual(entry.outcome, OrderOutcome.EXECUTED)
                    self.assertEqual(await world.executed(), after + 1)
                    if weak.after >= 0:
                        return after
        self.fail("the transfer has no end")

    async def test_packets_lost_at_every_one(self) -> None:
        self.assertGreater(await self.lost_at_every_message(self.world.air), 6)

    async def test_commands_lost_at_every_one(self) -> None:
        self.assertGreater(await self.lost_at_every_message(self.world.card), 4)

    async def test_two_taps(self) -> None:
        """The card is taken away when it shows the order, read and approved, and held there again."""
        world, plug = self.world, self.world.reader
        async with await world.paired(world.card) as phone:
            with quiet_loop(self):
                person = Person(world.scene, watches=True)
                order = await world.order(phone, 5_500)
                running = asyncio.create_task(world.run(phone.run_order([world.card], order), person))
                await person.told(Moment.REVIEW_ON_TOKEN)
                plug.take_away()
                await person.told(Moment.TAG_LOST)
                person.watches = False
                await until("approval", lambda: "APPROVED" in world.scene.screen()["text"].upper())
                self.assertFalse(running.done())
                plug.put_back()
                report = await running
                self.assertEqual(report.receipt.outcome, OrderOutcome.EXECUTED)
                self.assertEqual(await world.executed(), 1)

    async def test_a_token_out_of_reach_comes_back(self) -> None:
        world = self.world
        async with await world.paired(world.air) as phone:
            with quiet_loop(self):
                world.radio.take_away()
                person = Person(world.scene)
                running = asyncio.create_task(world.run(phone.token_state([world.air]), person))
                await person.told(Moment.CONNECTING)
                world.radio.put_back()
                self.assertFalse((await running).pin_initial)

    async def test_the_way_on_which_it_is(self) -> None:
        """Of two ways the one on which the token is found is taken."""
        world = self.world
        async with await world.paired(world.air) as phone:
            for plug in (world.radio, world.reader):
                with quiet_loop(self):
                    plug.take_away()
                    order = await world.order(phone, 6_000 + len(plug.address) + (plug is world.radio))
                    report = await world.run(phone.run_order([world.card, world.air], order))
                    self.assertEqual(report.receipt.outcome, OrderOutcome.EXECUTED)
                    plug.put_back()
                    await until("token", lambda plug=plug: plug.is_there)
