package ushield

import kotlinx.coroutines.cancel
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.flow.onEach
import kotlinx.coroutines.job
import kotlinx.coroutines.launch
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.extension.ExtendWith
import kotlin.time.Duration.Companion.minutes

/** Every operation is cancelled at every one of its steps: nothing is left, and afterwards everything still works. */
@ExtendWith(NothingLeft::class)
class CancelTest {
    private val cancelled = LinkedHashMap<String, Int>()

    /** Begins an operation again and again, and cancels its collector at its first step, its second, until it ends before. */
    private suspend fun atEveryStep(
        name: String,
        scene: Scene,
        person: Person = Person(scene.hand),
        operation: suspend () -> Operation<*>,
    ) {
        val before = Alive()
        var step = 0
        do {
            step += 1
            check(step < MOST) { "$name has no end" }
            var seen = 0
            val prepared = operation()
            val running =
                coroutineScope {
                    launch {
                        val itself = currentCoroutineContext().job
                        prepared.onEach { if (++seen == step) itself.cancel() }.finish(person)
                    }.also { it.join() }
                }
            before.again()
        } while (running.isCancelled)
        cancelled[name] = step - 1
        assertTrue(step > 1, "$name was never cancelled")
    }

    private suspend fun everyOperation(
        scene: Scene,
        client: UShield,
        radios: List<Radio>,
    ) = scene.living {
        val person = Person(scene.hand)
        var minor = 100L
        val order = suspend { client.orderTransfer(transfer(minor++)).finish(person) }
        atEveryStep("pair", scene) {
            scene.hand.openPairing()
            client.pair(radios, modeOpenedAgain = true)
        }
        client.changePin(radios).finish(person)
        atEveryStep("changePin", scene, Person(scene.hand, OTHER_PIN, PIN)) {
            // Whether the one before was cancelled in time or not: the PIN is the same as at first.
            changed(client, radios, Person(scene.hand, OTHER_PIN, PIN))
            changed(client, radios, Person(scene.hand, PIN, OTHER_PIN))
            client.changePin(radios)
        }
        client.changePin(radios).finish(Person(scene.hand, PIN, OTHER_PIN))
        atEveryStep("downloadCertificate", scene) { client.downloadCertificate(radios) }
        atEveryStep("tokenState", scene) { client.tokenState(radios) }
        atEveryStep("certificateOnToken", scene) { client.certificateOnToken(radios, CertificateRole.PAY) }
        atEveryStep("orderTransfer", scene) { client.orderTransfer(transfer(minor++)) }
        client.resume(radios).finish(person)
        atEveryStep("runOrder", scene) { client.runOrder(radios, order()) }
        client.resume(radios).finish(person)
        scene.hand.will = Will.WATCH
        atEveryStep("cancelOrder", scene) { order().let { client.cancelOrder(radios, it) } }
        scene.hand.will = Will.APPROVE
        atEveryStep("resume", scene) {
            order()
            client.resume(radios)
        }
        client.resume(radios).finish(person)
        assertTrue(client.history().all { it.status is OrderStatus.Ended || it.status is OrderStatus.NotCreated }, "${client.history()}")
        // The token may have forgotten before the collector was cancelled, and its word for it be lost: then it does not know this phone.
        val over =
            try {
                atEveryStep("forgetPhone", scene) { client.forgetPhone(radios) }
                null
            } catch (failed: UShieldException) {
                failed.code
            }
        assertTrue(over in setOf(null, Code.NOT_PAIRED, Code.TOKEN_NOT_FOUND, Code.UNKNOWN_PHONE), "$over")
    }

    private suspend fun changed(
        client: UShield,
        radios: List<Radio>,
        person: Person,
    ) = try {
        client.changePin(radios).finish(person)
    } catch (failed: UShieldException) {
        assertEquals(Code.PIN_WRONG, failed.code)
    }

    private fun overEvery(radios: (Scene) -> List<Radio>) =
        bounded(5.minutes) {
            Scene().use { scene ->
                scene.client().use { client ->
                    everyOperation(scene, client, radios(scene))
                    val ended = client.history().filter { it.content is OrderContent.Transfer }
                    val executed = ended.filter { it.status == OrderStatus.Ended(OrderOutcome.EXECUTED) }
                    assertEquals(executed.sumOf { (it.content as OrderContent.Transfer).amount.minor }, scene.moved())
                    println("steps at which the collector was cancelled: $cancelled")
                }
            }
        }

    @Test
    fun `over packets`() = overEvery { it.packets() }

    @Test
    fun `over a card`() = overEvery { it.card() }

    private companion object {
        const val MOST = 60
        const val OTHER_PIN = "731946"
    }
}
