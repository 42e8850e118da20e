package ushield

import kotlinx.coroutines.flow.collect
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.extension.ExtendWith
import ushield.ffi.Probe
import ushield.ffi.probeEmpty

/** What a call costs, in units of an empty exported call of the same run. */
@ExtendWith(NothingLeft::class)
class CostTest {
    /**
     * Nanoseconds of one call of the first, and of each other one how many of the first it takes: medians over rounds, each of which is
     * compared with itself alone, so that what else the machine does hits all alike.
     */
    private suspend fun measure(vararg calls: suspend () -> Int): List<Double> {
        val rounds = calls.map { mutableListOf<Double>() }
        repeat(ROUNDS) {
            calls.forEachIndexed { at, call ->
                val start = System.nanoTime()
                val times = call()
                rounds[at] += (System.nanoTime() - start).toDouble() / times
            }
        }
        val median = { values: List<Double> -> values.sorted()[values.size / 2] }
        val unit = rounds.first().drop(WARM_UP)
        val others = rounds.drop(1).map { of -> median(of.drop(WARM_UP).zip(unit) { time, one -> time / one }) }
        return listOf(median(unit)) + others
    }

    @Test
    fun `a method, a record of four fields, an event`() =
        bounded {
            Probe().use { probe ->
                val times: (() -> Unit) -> Int = { call -> TIMES.also { repeat(it) { call() } } }
                val measured =
                    measure(
                        { times { probeEmpty() } },
                        { times { probe.method(7u) } },
                        { times { probe.record() } },
                        {
                            var told = -1
                            Operation({ probe.events(EVENTS) }) {}.collect { told += 1 }
                            told.also { check(it == EVENTS.toInt()) }
                        },
                    )
                val unit = measured.first()
                val (inMethod, inRecord, inEvent) = measured.drop(1)
                println(
                    "an empty call takes %.0f ns; in its units a method %.2f, a record %.2f, an event %.2f".format(
                        unit,
                        inMethod,
                        inRecord,
                        inEvent,
                    ),
                )
                assertTrue(inMethod <= 3, "a method takes $inMethod")
                assertTrue(inRecord <= 8, "a record takes $inRecord")
                assertTrue(inEvent <= 10, "an event takes $inEvent")
            }
        }

    private companion object {
        const val ROUNDS = 60
        const val WARM_UP = 20
        const val TIMES = 1_000

        /** As many as wait at most to be fetched. */
        const val EVENTS = 1_000u
    }
}
