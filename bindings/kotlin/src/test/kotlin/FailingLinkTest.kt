package ushield

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.extension.ExtendWith
import ushield.host.FaultyPlug
import kotlin.time.Duration.Companion.minutes

/** The link fails after every number of packets: the order is executed once, whatever was lost. */
@ExtendWith(NothingLeft::class)
class FailingLinkTest {
    private fun failing(
        every: Int,
        plug: (Scene) -> FaultyPlug,
        radios: (Scene) -> List<Radio>,
    ) = bounded(5.minutes) {
        Scene().use { scene ->
            scene.client().use { client ->
                scene.settle(client, radios(scene))
                var lost = 0
                var amounts = 0L
                for (packets in 0..MOST step every) {
                    val person = Person(scene.hand)
                    val order = client.orderTransfer(transfer(1_000L + packets)).finish(person)
                    amounts += 1_000L + packets
                    scene.living {
                        plug(scene).failOnceAfter(packets)
                        try {
                            client.runOrder(radios(scene), order).finish(person)
                        } catch (failed: UShieldException) {
                            assertTrue(failed is UShieldException.Retryable, "$packets: $failed")
                            client.resume(radios(scene)).finish(person)
                        }
                        plug(scene).failOnceAfter(Int.MAX_VALUE)
                    }
                    if (person.told.value.any { it is Event.Reconnecting || it is Event.TagLost }) lost += 1
                    val status = client.history().first { it.order == order }.status
                    assertEquals(OrderStatus.Ended(OrderOutcome.EXECUTED), status, "after $packets packets")
                }
                println("the link failed in $lost orders")
                assertTrue(lost > 0)
                assertEquals(amounts, scene.moved())
            }
        }
    }

    @Test
    fun `over packets`() = failing(4, { it.token.radio }, { it.packets() })

    @Test
    fun `over a card`() = failing(2, { it.token.reader }, { it.card() })

    @Test
    fun `a link that is gone for good is said to be, and the order is gone on with later`() =
        bounded(3.minutes) {
            Scene().use { scene ->
                scene.client().use { client ->
                    scene.settle(client, scene.packets())
                    val person = Person(scene.hand)
                    val order = client.orderTransfer(transfer(5)).finish(person)
                    scene.token.radio.cut()
                    val failed = assertThrows<UShieldException> { client.runOrder(scene.packets(), order).finish(person) }
                    assertEquals(Fault.LINK, failed.fault)
                    // Over another link.
                    val resumed = scene.living { client.resume(scene.card()).finish(person) }
                    assertEquals(
                        OrderOutcome.EXECUTED,
                        resumed
                            .single()
                            .report
                            ?.receipt
                            ?.outcome,
                    )
                }
            }
        }

    private companion object {
        const val MOST = 40
    }
}
