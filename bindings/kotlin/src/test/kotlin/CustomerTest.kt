package ushield

import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.flow.collect
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.onEach
import org.junit.jupiter.api.AfterAll
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.BeforeAll
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.TestInstance
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.extension.ExtendWith

/** What a customer may do, and what their app's code may throw. */
@ExtendWith(NothingLeft::class)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CustomerTest {
    private lateinit var scene: Scene
    private lateinit var client: UShield
    private val radios get() = scene.packets()

    @BeforeAll
    fun open() =
        bounded {
            scene = Scene()
            client = scene.client()
            scene.settle(client, radios)
        }

    @AfterAll
    fun close() {
        client.close()
        scene.close()
    }

    private suspend fun order(minor: Long) = client.orderTransfer(transfer(minor)).finish(Person(scene.hand))

    private suspend fun takeBack(order: OrderId) = client.cancelOrder(radios, order).finish(Person(scene.hand))

    @Test
    fun `an order is taken back while it runs, and its receipt says so`() =
        bounded {
            scene.hand.will = Will.WATCH
            val operation = client.runOrder(radios, order(11))
            assertFalse(operation.cancelOrder(), "it does not run yet")
            val person = Person(scene.hand)
            val running = async { operation.finish(person) }
            person.hears<Event.ReviewOnToken>()
            assertTrue(operation.cancelOrder())
            assertEquals(OrderOutcome.CANCELLED, running.await().receipt.outcome)
            assertFalse(operation.cancelOrder(), "it is over")
        }

    @Test
    fun `a prompt is taken away when the PIN is not needed any more`() =
        bounded {
            scene.hand.will = Will.REJECT
            val takenAway = CompletableDeferred<Unit>()
            val operation = client.runOrder(radios, order(12))
            val person =
                object : Person(scene.hand) {
                    override suspend fun pin(
                        reason: PinReason,
                        text: String,
                    ): CharArray? =
                        try {
                            operation.cancelOrder()
                            awaitCancellation()
                        } finally {
                            takenAway.complete(Unit)
                        }
                }
            val report = operation.finish(person)
            takenAway.await()
            assertEquals(OrderOutcome.CANCELLED, report.receipt.outcome)
        }

    @Test
    fun `what is no PIN is asked for again, a wrong one is counted, and none ends it`() =
        bounded {
            scene.hand.will = Will.APPROVE
            val order = order(13)
            val answers = ArrayDeque(listOf("12", "999999", PIN))
            val person =
                object : Person(scene.hand) {
                    override suspend fun pin(
                        reason: PinReason,
                        text: String,
                    ): CharArray? {
                        super.pin(reason, text)
                        return answers.removeFirst().toCharArray()
                    }
                }
            val report = scene.living { client.runOrder(radios, order).finish(person) }
            assertEquals(OrderOutcome.EXECUTED, report.receipt.outcome)
            assertEquals(listOf(PinReason.Approve, PinReason.Approve), person.asked.value.take(2))
            assertTrue(person.asked.value.last() is PinReason.WrongBefore)
            assertTrue(person.told.value.any { it is Event.PinWrong })

            val silent =
                object : Person(scene.hand) {
                    override suspend fun pin(
                        reason: PinReason,
                        text: String,
                    ): CharArray? = null
                }
            val second = order(14)
            val refused = assertThrows<UShieldException> { client.runOrder(radios, second).finish(silent) }
            assertEquals(Code.INTERRUPTED, refused.code)
            takeBack(second)
        }

    @Test
    fun `an answer overwrites the PIN, and one to no question is none`() =
        bounded {
            scene.hand.will = Will.WATCH
            val order = order(15)
            val asked = client.runOrder(radios, order).first { it is Step.PinAsked } as Step.PinAsked
            val pin = PIN.toCharArray()
            assertFalse(asked.answer(pin))
            assertTrue(pin.all { it == '\u0000' })
            assertFalse(asked.refuse())
            takeBack(order)
        }

    @Test
    fun `what the app throws comes out, and the operation is over`() =
        bounded {
            class Thrown : RuntimeException("thrown by the app")
            scene.hand.will = Will.WATCH
            val order = order(16)
            val inPin =
                object : Person(scene.hand) {
                    override suspend fun pin(
                        reason: PinReason,
                        text: String,
                    ): CharArray? = throw Thrown()
                }
            val inTell =
                object : Person(scene.hand) {
                    override fun tell(
                        event: Event,
                        text: String,
                    ) = throw Thrown()
                }
            for (person in listOf(inPin, inTell)) {
                val before = Alive()
                assertThrows<Thrown> { client.runOrder(radios, order).finish(person) }
                before.again()
            }
            assertThrows<Thrown> { client.runOrder(radios, order).collect { throw Thrown() } }
            takeBack(order)
        }

    @Test
    fun `a client that is closed says so`() =
        bounded {
            val closed = scene.client()
            closed.close()
            assertThrows<IllegalStateException> { closed.accounts() }
            assertThrows<IllegalStateException> { closed.resume(radios).finish(Person(scene.hand)) }
        }
}
