package ushield

import kotlinx.coroutines.async
import kotlinx.coroutines.awaitCancellation
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.extension.ExtendWith
import ushield.host.Faults
import ushield.host.FaultyClock
import ushield.host.MemoryKeystore
import java.io.IOException
import kotlin.time.Duration.Companion.minutes

private const val CANARY = "canary-87654321"

/** The host's code throws at every callback: what the core knows, what it does not, and what is no exception at all. */
@ExtendWith(NothingLeft::class)
class ThrowingHostTest {
    private val unknown = listOf({ IOException(CANARY) }, { AssertionError(CANARY) }, { StackOverflowError(CANARY) })

    private suspend fun failing(act: suspend () -> Any?): UShieldException? =
        try {
            act()
            null
        } catch (failed: UShieldException) {
            failed
        }

    /** The exception's type is kept as a cause, and that of what is behind one of this library's; what they say is not. */
    private fun tells(
        failed: UShieldException?,
        thrown: Throwable,
        vararg codes: Code,
    ) {
        assertTrue(failed?.code in codes, "$failed")
        val isKnown = thrown is LinkException || thrown is BankException || thrown is KeystoreException
        val told = if (isKnown) thrown.cause else thrown
        if (told != null) assertTrue(failed!!.causes.any { told.javaClass.name in it }, "${failed.causes}")
        assertFalse(CANARY in failed!!.stackTraceToString() + failed.problem)
    }

    @Test
    fun `the bank and the key store`() =
        bounded {
            Scene().use { scene ->
                for (thrown in unknown + listOf({ BankException.Unreachable(IOException(CANARY)) })) {
                    val faults = Faults { throw thrown() }
                    val bank = faults.bank(scene.http)
                    tells(failing { scene.client(bank = bank).close() }, thrown(), Code.BANK_UNREACHABLE)
                    assertEquals(listOf("bank.call"), faults.calls.distinct())
                }
                val untrusted = BankHttp { throw BankException.Untrusted() }
                tells(failing { scene.client(bank = untrusted) }, BankException.Untrusted(), Code.BANK_UNTRUSTED)
                val store = Store.Folder(java.io.File(scene.at("phone")))
                for (at in listOf("keystore.sealingKey", "keystore.createDh", "keystore.agree")) {
                    for (thrown in unknown + listOf({ KeystoreException(IOException(CANARY)) })) {
                        val faults = Faults { if (it == at) throw thrown() }
                        val failed =
                            failing {
                                scene.client(store, keystore = faults.keystore(MemoryKeystore())).use { client ->
                                    scene.hand.openPairing()
                                    client.pair(scene.packets(), modeOpenedAgain = true).finish(Person(scene.hand))
                                }
                            }
                        tells(failed, thrown(), Code.KEYSTORE_FAILURE)
                        assertTrue(at in faults.calls)
                        java.io.File(scene.at("phone")).deleteRecursively()
                    }
                }
            }
        }

    @Test
    fun `a clock that throws is not asked any more than it helps`() =
        bounded {
            Scene().use { scene ->
                for (at in listOf("clock.now", "clock.elapsed")) {
                    for (thrown in unknown) {
                        val clock = FaultyClock(at) { thrown() }
                        scene.client(clock = clock).use { assertTrue(it.isSignedIn()) }
                        assertTrue(at in clock.calls)
                    }
                }
            }
        }

    private fun links(
        radios: (Scene) -> List<Radio>,
        callbacks: List<String>,
    ) = bounded(5.minutes) {
        Scene().use { scene ->
            scene.client().use { client ->
                scene.settle(client, radios(scene))
                for (at in callbacks) {
                    for (thrown in unknown + listOf({ LinkException.Lost(IOException(CANARY)) })) {
                        // Once: the core connects anew, and the customer is told.
                        var once = true
                        val faults = Faults { if (it == at && once) throw thrown().also { once = false } }
                        val person = Person(scene.hand)
                        val failed = failing { client.tokenState(faults.radios(radios(scene))).finish(person) }
                        assertTrue(at in faults.calls, "$at: ${faults.calls}")
                        if (failed != null) tells(failed, thrown(), Code.LINK_LOST, Code.TAG_LOST)
                        // And everything goes on.
                        assertEquals(PIN_TRIES, client.tokenState(radios(scene)).finish(person).triesLeft)
                    }
                }
            }
        }
    }

    @Test
    fun `a radio and its packets`() =
        links({ it.packets() }, listOf("radio.connect", "packets.info", "packets.write", "packets.notified", "packets.disconnect"))

    @Test
    fun `a reader and its card`() = links({ it.card() }, listOf("radio.connect", "card.transceive", "card.release"))

    @Test
    fun `looking around`() =
        bounded {
            Scene().use { scene ->
                scene.client().use { client ->
                    for (thrown in unknown + listOf({ LinkException.RadioOff() }, { LinkException.RadioForbidden() })) {
                        val faults = Faults { throw thrown() }
                        val failed = failing { client.inReach(faults.radios(scene.packets())) }
                        assertEquals(listOf("radio.look"), faults.calls)
                        val code =
                            when (thrown()) {
                                is LinkException.RadioOff -> Code.RADIO_OFF
                                is LinkException.RadioForbidden -> Code.RADIO_FORBIDDEN
                                else -> Code.LINK_LOST
                            }
                        tells(failed, thrown(), code)
                    }
                }
            }
        }

    @Test
    fun `a host that never answers is given up`() =
        bounded {
            Scene().use { scene ->
                scene.client().use { client ->
                    scene.settle(client, scene.packets())
                    val never = { at: String -> Faults { if (it == at) awaitCancellation() }.radios(scene.packets()) }
                    val looking = async { failing { client.inReach(never("radio.look")) } }
                    val person = Person(scene.hand)
                    assertEquals(PIN_TRIES, client.tokenState(never("packets.disconnect")).finish(person).triesLeft)
                    val silent = failing { client.tokenState(never("packets.info")).finish(person) }
                    assertEquals(Fault.LINK, silent?.fault)
                    assertEquals(Code.TOKEN_NOT_FOUND, looking.await()?.code)
                }
            }
        }

    private companion object {
        const val PIN_TRIES = 5
    }
}
