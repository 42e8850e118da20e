package ushield

import kotlinx.coroutines.async
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.extension.ExtendWith
import ushield.host.Faults

/** A card that stays in the field, and one that is taken away while the customer reads. */
@ExtendWith(NothingLeft::class)
class TapsTest {
    @Test
    fun `one tap, the PIN included`() =
        bounded {
            Scene().use { scene ->
                scene.client().use { client ->
                    scene.settle(client, scene.card())
                    val order = client.orderTransfer(transfer(100)).finish(Person(scene.hand))
                    val counted = Faults {}
                    val report = scene.living { client.runOrder(counted.radios(scene.card()), order).finish(Person(scene.hand)) }
                    assertEquals(OrderOutcome.EXECUTED, report.receipt.outcome)
                    assertEquals(1, counted.calls.count { it == "radio.connect" })
                }
                assertEquals(100, scene.moved())
            }
        }

    @Test
    fun `two taps, and the customer reads between them`() =
        bounded {
            Scene().use { scene ->
                scene.client().use { client ->
                    scene.settle(client, scene.card())
                    val person = Person(scene.hand)
                    val order = client.orderTransfer(transfer(100)).finish(person)
                    val counted = Faults {}
                    scene.hand.will = Will.WATCH
                    val running = async { client.runOrder(counted.radios(scene.card()), order).finish(person) }
                    person.hears<Event.ReviewOnToken>()
                    scene.token.reader.cut()
                    person.hears<Event.TagLost>()
                    scene.hand.will = Will.APPROVE
                    val decisions = scene.hand.decisions.value
                    scene.living {
                        scene.hand.decided(decisions + 1)
                        scene.token.reader.mend()
                        assertEquals(OrderOutcome.EXECUTED, running.await().receipt.outcome)
                    }
                    assertTrue(counted.calls.count { it == "radio.connect" } >= 2)
                }
                assertEquals(100, scene.moved())
            }
        }
}
