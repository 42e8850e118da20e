package ushield

import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.job
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.extension.ExtendWith
import ushield.host.MemoryKeystore
import java.io.File
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.atomic.AtomicInteger
import kotlin.time.Duration.Companion.milliseconds

/** Hosts whose answers cannot be handed over, come when nobody waits any more, or are theirs to keep. */
@ExtendWith(NothingLeft::class)
class OddAnswersTest {
    private val half = "air\ud800"

    /** Counts connections, and ends that came to their end; ending takes a moment. */
    private class Counting(
        private val radio: Radio,
        private val place: String? = null,
    ) : Radio {
        val made = AtomicInteger()
        val ended = AtomicInteger()

        override suspend fun connect(wanted: Wanted): Connected {
            val stands = radio.connect(wanted)
            made.incrementAndGet()
            val packets = stands.link as Packets
            val counted =
                object : Packets by packets {
                    override suspend fun disconnect() {
                        packets.disconnect()
                        delay(MOMENT)
                        ended.incrementAndGet()
                    }
                }
            return Connected(counted, place ?: stands.place)
        }

        override suspend fun look(): List<Seen> = radio.look().map { Seen(it.medium, place ?: it.place, it.advertised) }

        /** Waits, with the test's bound, until all are ended. */
        suspend fun allEnded() {
            while (ended.get() != made.get()) delay(MOMENT)
        }
    }

    /** What no thread of coroutines could deliver: on a phone it would end the app. */
    private suspend fun uncaught(act: suspend () -> Unit): List<Throwable> {
        val before = Thread.getDefaultUncaughtExceptionHandler()
        val thrown = CopyOnWriteArrayList<Throwable>()
        Thread.setDefaultUncaughtExceptionHandler { _, uncaught -> thrown += uncaught }
        try {
            act()
        } finally {
            Thread.setDefaultUncaughtExceptionHandler(before)
        }
        return thrown
    }

    @Test
    fun `half a character in an answer is an error at once, and ends no app`() =
        bounded {
            Scene().use { scene ->
                scene.client().use { client ->
                    scene.settle(client, scene.packets())
                    val radio = Counting(scene.packets().single(), half)
                    val thrown =
                        uncaught {
                            val looked = assertThrows<UShieldException> { client.inReach(listOf(radio)) }
                            assertEquals(Code.LINK_LOST, looked.code)
                            val connected = assertThrows<UShieldException> { client.tokenState(listOf(radio)).finish(Person(scene.hand)) }
                            assertEquals(Code.LINK_LOST, connected.code)
                            radio.allEnded()
                            val bank = BankHttp { scene.http.call(it).run { HttpResponse(status, half, body) } }
                            val refused = assertThrows<UShieldException> { scene.client(bank = bank) }
                            assertEquals(Code.BANK_UNREACHABLE, refused.code)
                            assertTrue("IllegalArgumentException" in refused.causes.joinToString(), "${refused.causes}")
                        }
                    assertEquals(emptyList<Throwable>(), thrown)
                    assertTrue(radio.made.get() > 0)
                }
            }
        }

    @Test
    fun `a connection of an operation that is stopped is ended to the end`() =
        bounded {
            Scene().use { scene ->
                scene.client().use { client ->
                    scene.settle(client, scene.packets())
                    val radio = Counting(scene.packets().single())
                    repeat(ROUNDS) {
                        client.tokenState(listOf(radio)).first { it is Step.Told && it.event == Event.Connected }
                        radio.allEnded()
                    }
                    // Stopped while it disconnects.
                    val running = launch { client.tokenState(listOf(radio)).finish(Person(scene.hand)) }
                    while (radio.made.get() == ROUNDS) delay(1.milliseconds)
                    running.cancelAndJoin()
                    radio.allEnded()
                }
            }
        }

    @Test
    fun `a sealing key stays the host's`() =
        bounded {
            Scene().use { scene ->
                val key = ByteArray(KEY) { 7 }
                val asked = CompletableDeferred<Unit>()
                val keystore =
                    object : Keystore by MemoryKeystore() {
                        override suspend fun sealingKey(): ByteArray {
                            val call = currentCoroutineContext().job
                            // The first time as a call of the system does that cannot be cancelled: when nobody waits any more.
                            if (asked.complete(Unit)) withContext(NonCancellable) { while (call.isActive) delay(MOMENT) }
                            return key
                        }
                    }
                val store = Store.Folder(File(scene.at("phone")))
                val opening = launch { UShield.open(scene.config(store), scene.http, keystore).close() }
                asked.await()
                opening.cancelAndJoin()
                scene.client(store, keystore = keystore).use { assertNull(it.notice) }
                scene.client(store, keystore = keystore).use { assertNull(it.notice) }
                assertArrayEquals(ByteArray(KEY) { 7 }, key)
            }
        }

    private companion object {
        val MOMENT = 50.milliseconds
        const val ROUNDS = 10
        const val KEY = 32
    }
}
