"""Stopped, cancelled or taken back at every step of every operation: nothing is left behind, and what was promised is gone on with."""

import asyncio
import enum
from collections.abc import Awaitable, Callable
from itertools import count

from world import BOUND, INITIAL_PIN, PIN, Person, WorldCase, quiet_loop, transfer

from ushield import CertificateRole, Code, Done, Moment, Operation, OrderOutcome, OrderStatus, UShield, UShieldError


class Way(enum.Enum):
    STOP = enum.auto()
    CANCEL_TASK = enum.auto()
    LEAVE_CONTEXT = enum.auto()
    CANCEL_ORDER = enum.auto()


class Ending(enum.Enum):
    ENDED = enum.auto()
    CUT = enum.auto()


class Cancels(WorldCase):
    async def cut(self, operation: Operation, person: Person, steps: int, way: Way) -> Ending:
        """Goes on to so many steps, then ends it in this way."""
        reached = asyncio.Event()

        async def run() -> Ending:
            async with operation:
                left = steps
                async for step in operation:
                    if isinstance(step, Done):
                        return Ending.ENDED
                    if left == 0 and not reached.is_set():
                        reached.set()
                        match way:
                            case Way.STOP:
                                operation.stop()
                                continue
                            case Way.CANCEL_TASK:
                                await asyncio.sleep(BOUND)
                            case Way.LEAVE_CONTEXT:
                                return Ending.CUT
                            case Way.CANCEL_ORDER:
                                operation.cancel_order()
                    left -= 1
                    await self.answer(step, person)
            return Ending.CUT

        async with person, asyncio.timeout(BOUND):
            running = asyncio.create_task(run())
            if way is Way.CANCEL_TASK:
                at = asyncio.create_task(reached.wait())
                await asyncio.wait({running, at}, return_when=asyncio.FIRST_COMPLETED)
                at.cancel()
                running.cancel()
            try:
                return await running
            except asyncio.CancelledError:
                return Ending.CUT
            except UShieldError as error:
                self.assertEqual(error.code, Code.INTERRUPTED, error.causes)
                return Ending.CUT

    async def answer(self, step: object, person: Person) -> None:
        match type(step).__name__:
            case "Told":
                person.tell(step.event, step.text)
            case "PinAsked":
                step.answer(await person.pin(step.reason, step.text))
            case "DigitsShown":
                self.assertTrue(await person.digits_are_equal(step.digits, step.name, step.brand))
                step.same()

    async def every_step(self, begin: Callable[[], Awaitable[Operation]], way: Way, after: Callable[[], Awaitable[None]], **person) -> int:
        """Cuts it at its first step, its second, ... until it ends before it is cut. How many steps."""
        for steps in count():
            with self.subTest(way, step=steps), quiet_loop(self):
                ended = await self.cut(await begin(), Person(self.world.scene, **person), steps, way)
                await after()
                if ended is Ending.ENDED and way is not Way.CANCEL_ORDER:
                    return steps
                if steps == 30:
                    self.fail("it has no end")
        return 0

    async def soon(self, begin: Callable[[], Operation]) -> object:
        """Runs it, again for as long as the token still serves the connection that was cut."""
        async with asyncio.timeout(BOUND):
            while True:
                try:
                    return await self.world.run(begin())
                except UShieldError as error:
                    if error.code not in (Code.TOKEN_NOT_FOUND, Code.LINK_LOST, Code.TAG_LOST):
                        raise
                await asyncio.sleep(0.1)

    async def test_what_runs_no_order(self) -> None:
        world, link = self.world, [self.world.card]
        async with await world.paired(world.card) as phone:

            async def nothing() -> None:
                await self.soon(lambda: phone.token_state(link))

            async def state() -> Operation:
                return phone.token_state(link)

            async def chain() -> Operation:
                return phone.certificate_on_token(link, CertificateRole.PAY)

            for begin in (state, chain):
                for way in (Way.STOP, Way.CANCEL_TASK, Way.LEAVE_CONTEXT):
                    self.assertGreaterEqual(await self.every_step(begin, way, nothing), 2)

    async def test_pairing(self) -> None:
        world, link = self.world, [self.world.air]
        for way in (Way.STOP, Way.CANCEL_TASK):
            for steps in count():
                with self.subTest(way, step=steps), quiet_loop(self):
                    # Another phone each time, and the mode opened anew for it.
                    async with await world.phone("Python") as phone:
                        await asyncio.to_thread(world.scene.menu_to_pairing)
                        pairing = phone.pair(link, mode_opened_again=True)
                        ended = await self.cut(pairing, Person(world.scene, pins=[INITIAL_PIN]), steps, way)
                        if ended is Ending.ENDED:
                            self.assertEqual(len(await phone.tokens()), 1)
                            await world.run(phone.forget_phone(link))
                            self.assertGreaterEqual(steps, 3)
                            break
                        # Whatever was cut, the phone can pair afterwards.
                        if not await phone.tokens():
                            await asyncio.to_thread(world.scene.menu_to_pairing)
                            await world.run(phone.pair(link, mode_opened_again=True), Person(world.scene, pins=[INITIAL_PIN]))
                        await world.run(phone.forget_phone(link))

    async def test_a_change_of_the_pin(self) -> None:
        world, link = self.world, [self.world.card]
        async with await world.phone() as phone:
            await asyncio.to_thread(world.scene.menu_to_pairing)
            await world.run(phone.pair(link))

            async def begin() -> Operation:
                return phone.change_pin(link)

            tries = (await world.run(phone.token_state(link))).tries_left

            async def unchanged() -> None:
                """Each run gives the initial PIN for the old one: it fails if an earlier one has changed it."""
                self.assertEqual((await self.soon(lambda: phone.token_state(link))).tries_left, tries)

            for way in (Way.CANCEL_TASK,):
                self.assertGreaterEqual(await self.every_step(begin, way, unchanged, pins=[PIN]), 3)

    async def test_orders(self) -> None:
        world, link = self.world, [self.world.card]
        amounts = count(1_000)
        async with await world.paired(world.card) as phone:
            orders: list[str] = []

            async def begin() -> Operation:
                orders.append(await world.order(phone, next(amounts)))
                return phone.run_order(link, orders[-1])

            async def resumed() -> None:
                """It is executed, exactly once, whatever was cut."""
                if not await self.ended(phone, orders[-1]):
                    [resumed] = await world.run(phone.resume(link))
                    self.assertEqual((resumed.order, resumed.problem), (orders[-1], None))
                self.assertEqual(await self.ended(phone, orders[-1]), OrderOutcome.EXECUTED)

            for way in (Way.STOP, Way.CANCEL_TASK, Way.LEAVE_CONTEXT):
                self.assertGreaterEqual(await self.every_step(begin, way, resumed), 4)
            self.assertEqual(await world.executed(), len(orders))

    async def test_an_order_that_is_taken_back(self) -> None:
        world, link = self.world, [self.world.card]
        outcomes = []
        async with await world.paired(world.card) as phone:
            for step in range(6):
                with self.subTest(step=step), quiet_loop(self):
                    order = await world.order(phone, 2_000 + step)
                    ended = await self.cut(phone.run_order(link, order), Person(world.scene), step, Way.CANCEL_ORDER)
                    self.assertIs(ended, Ending.ENDED)
                    outcomes.append(await self.ended(phone, order))
            # The receipt says how it really ended: by the last step it may have been executed.
            self.assertEqual(outcomes[:2], [OrderOutcome.CANCELLED] * 2)
            self.assertLessEqual(set(outcomes), {OrderOutcome.CANCELLED, OrderOutcome.EXECUTED})
            self.assertEqual(await world.executed(), outcomes.count(OrderOutcome.EXECUTED))
            # While it is on the screen.
            watching = Person(world.scene, watches=True)
            operation = phone.run_order(link, await world.order(phone, 3_000))
            running = asyncio.create_task(world.run(operation, watching))
            await watching.told(Moment.REVIEW_ON_TOKEN)
            operation.cancel_order()
            self.assertEqual((await running).receipt.outcome, OrderOutcome.CANCELLED)

    async def test_what_makes_resumes_and_takes_back_orders(self) -> None:
        world, link = self.world, [self.world.card]
        amounts = count(4_000)
        async with await world.paired(world.card) as phone:

            async def ordering() -> Operation:
                return phone.order_transfer(transfer(next(amounts)))

            async def resuming() -> Operation:
                await world.order(phone, next(amounts))
                return phone.resume(link)

            async def cancelling() -> Operation:
                return phone.cancel_order(link, await world.order(phone, next(amounts)))

            async def certificate() -> Operation:
                return phone.download_certificate(link, CertificateRole.LOGIN)

            async def tidy() -> None:
                """What is open is taken back, by its request where its order is not here yet."""
                for entry in await phone.history():
                    if entry.status is OrderStatus.REQUESTED:
                        await world.run(phone.cancel_request(link, entry.request))
                    elif entry.order and entry.status not in (OrderStatus.ENDED, OrderStatus.NOT_CREATED):
                        await world.run(phone.cancel_order(link, entry.order))

            for begin in (ordering, resuming, cancelling):
                for way in (Way.STOP, Way.CANCEL_TASK, Way.LEAVE_CONTEXT):
                    with self.subTest(begin.__name__):
                        self.assertGreaterEqual(await self.every_step(begin, way, tidy), 1)
            with self.subTest("certificate"):
                self.assertGreaterEqual(await self.every_step(certificate, Way.CANCEL_TASK, tidy), 4)
            self.assertIsNotNone(await phone.certificate(CertificateRole.LOGIN))

    async def test_a_person_who_refuses_raises_or_types_nonsense(self) -> None:
        world, link = self.world, [self.world.card]
        async with await world.paired(world.card) as phone:
            order = await world.order(phone, 5_000)
            person = Person(world.scene)

            async def refuses(*_: object) -> None:
                return None

            person.pin = refuses
            with self.assertRaises(UShieldError) as raised:
                await world.run(phone.run_order(link, order), person)
            self.assertEqual(raised.exception.code, Code.INTERRUPTED)

            async def mistypes(*_: object) -> bytes:
                return b"12 34"

            person.pin = mistypes
            with self.assertRaises(UShieldError) as raised:
                await world.run(phone.run_order(link, order), person)
            self.assertEqual(raised.exception.code, Code.BAD_PIN_FORMAT)

            async def goes(*_: object) -> bytes:
                raise KeyError("the customer has gone")

            person.pin = goes
            with self.assertRaises(KeyError):
                await world.run(phone.run_order(link, order), person)
            report = await world.run(phone.run_order(link, order))
            self.assertEqual(report.receipt.outcome, OrderOutcome.EXECUTED)

    async def ended(self, phone: UShield, order: str) -> OrderOutcome | None:
        [entry] = [entry for entry in await phone.history() if entry.order == order]
        return entry.outcome
