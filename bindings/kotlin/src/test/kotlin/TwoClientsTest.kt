package ushield

import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.coroutineScope
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.extension.ExtendWith

/** Two clients at once in one process, each with a token of its own, one over packets and one over a card. */
@ExtendWith(NothingLeft::class)
class TwoClientsTest {
    @Test
    fun `two clients at once`() =
        bounded {
            val scenes = List(2) { Scene() }
            try {
                coroutineScope {
                    scenes
                        .mapIndexed { at, scene ->
                            async {
                                scene.client().use { client ->
                                    val radios = if (at == 0) scene.packets() else scene.card()
                                    scene.settle(client, radios)
                                    val person = Person(scene.hand)
                                    repeat(ORDERS) { turn ->
                                        val order = client.orderTransfer(transfer(10L * at + turn + 1)).finish(person)
                                        val report = scene.living { client.runOrder(radios, order).finish(person) }
                                        assertEquals(OrderOutcome.EXECUTED, report.receipt.outcome)
                                    }
                                }
                            }
                        }.awaitAll()
                }
                val amounts = (1L..ORDERS).sum()
                assertEquals(listOf(amounts, amounts + 10L * ORDERS), scenes.map { it.moved() })
            } finally {
                scenes.forEach { it.close() }
            }
        }

    private companion object {
        const val ORDERS = 5
    }
}
