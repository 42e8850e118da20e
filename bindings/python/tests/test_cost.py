"""What calls cost, measured, in multiples of the empty one. Bounds are far off: they find a copy too many, not a slow machine."""

import asyncio
import statistics
import time
import unittest
from collections.abc import Callable

from ushield import Done, Told, _ffi
from ushield._operation import Operation

CALLS, ROUNDS, EVENTS = 2_000, 7, 1_000


def seconds_each(call: Callable[[], object]) -> float:
    """The median of rounds."""

    def once() -> float:
        begun = time.perf_counter()
        for _ in range(CALLS):
            call()
        return (time.perf_counter() - begun) / CALLS

    return statistics.median(once() for _ in range(ROUNDS))


@unittest.skipUnless(hasattr(_ffi, "Probe"), "built without the feature probe")
class Cost(unittest.IsolatedAsyncioTestCase):
    async def test_calls(self) -> None:
        probe = _ffi.Probe()
        empty = seconds_each(_ffi.probe_empty)
        method = seconds_each(lambda: probe.method(7)) / empty
        record = seconds_each(probe.record) / empty
        told = await self.events(probe)
        print(f"empty call {empty * 1e6:.2f} us; in empty calls:", end=" ")
        print(f"method {method:.1f}, record of four fields {record:.1f}, event {told / empty:.1f}", flush=True)
        self.assertLess(method, 50)
        self.assertLess(record, 200)
        self.assertLess(told / empty, 1_000)

    async def events(self, probe: _ffi.Probe) -> float:
        """Seconds for each event, by the async iterator; none is lost up to the queue's length."""
        asyncio.get_running_loop().set_debug(False)
        begun = time.perf_counter()
        operation = Operation(probe.events(EVENTS), lambda ending: None)
        steps = [step async for step in operation]
        took = time.perf_counter() - begun
        self.assertEqual([isinstance(step, Told) for step in steps], [True] * EVENTS + [False])
        self.assertIsInstance(steps[-1], Done)
        return took / EVENTS

    async def test_a_host_that_fetches_nothing_keeps_the_last_step(self) -> None:
        operation = Operation(_ffi.Probe().events(100_000), lambda ending: None)
        async with asyncio.timeout(60):
            await asyncio.sleep(0)
            steps = [step async for step in operation]
        self.assertIsInstance(steps[-1], Done)
