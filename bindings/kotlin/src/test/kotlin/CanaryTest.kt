package ushield

import com.sun.management.HotSpotDiagnosticMXBean
import kotlinx.coroutines.flow.onEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.extension.ExtendWith
import ushield.host.Faults
import ushield.host.MemoryKeystore
import java.io.ByteArrayOutputStream
import java.io.File
import java.io.IOException
import java.io.PrintStream
import java.lang.management.ManagementFactory
import java.security.SecureRandom
import java.util.Base64
import java.util.HexFormat

/** Secrets that cross the boundary are in no string: PIN, password, session, private key, sealing key. */
@ExtendWith(NothingLeft::class)
class CanaryTest {
    private val said = StringBuilder()

    /** Of the token and of the phone. */
    private val names = mutableListOf<String>()

    private fun say(any: Any?) {
        said.append(if (any is Throwable) any.stackTraceToString() else any.toString()).append('\n')
    }

    /** All that could be logged of a transfer, of a wrong PIN, and of hosts that throw with everything in their hands. */
    private suspend fun talk(
        scene: Scene,
        keystore: MemoryKeystore,
        seen: MutableList<ByteArray>,
    ) {
        val bank =
            BankHttp { request ->
                say(request)
                request.headers.forEach(::say)
                seen += request.headers.filter { it.name == "Authorization" }.map { it.value.clone() }
                scene.http.call(request).also(::say)
            }
        scene.client(bank = bank, keystore = keystore).use { client ->
            val person = Person(scene.hand)
            scene.settle(client, scene.packets())
            say(client)
            say(client.accounts())
            say(client.tokens())
            say(client.inReach(scene.packets()))
            val state =
                client
                    .tokenState(scene.packets())
                    .onEach(::say)
                    .finish(person)
                    .also(::say)
            names += listOf(state.name, state.phones.single().name)
            val order = client.orderTransfer(transfer(1)).onEach(::say).finish(person)
            say(client.preview(order))
            val wrong = ArrayDeque(listOf("1", WRONG_PIN))
            val mistaken =
                object : Person(scene.hand) {
                    override suspend fun pin(
                        reason: PinReason,
                        text: String,
                    ) = (wrong.removeFirstOrNull() ?: PIN).toCharArray()
                }
            val operation = client.runOrder(scene.packets(), order)
            say(operation)
            scene.living { operation.onEach(::say).finish(mistaken) }
            say(client.history())
            val leaky = Faults { throw IOException("the PIN is $PIN, the password $PASSWORD") }
            say(assertThrows<UShieldException> { client.tokenState(leaky.radios(scene.packets())).onEach(::say).finish(person) })
        }
        say(
            assertThrows<UShieldException> {
                UShield
                    .open(
                        scene.config(),
                        bank,
                        keystore,
                    ).use { it.signIn("wrong $PASSWORD".toCharArray()) }
            },
        )
        say(assertThrows<UShieldException> { scene.client(bank = { throw IOException(PASSWORD) }) })
        say(scene.config())
    }

    @Test
    fun `in no string, exception or output`() =
        bounded {
            val (out, err) = System.out to System.err
            val printed = ByteArrayOutputStream()
            val keystore = MemoryKeystore()
            val seen = mutableListOf<ByteArray>()
            System.setOut(PrintStream(printed, true))
            System.setErr(PrintStream(printed, true))
            try {
                Scene().use { talk(it, keystore, seen) }
            } finally {
                System.setOut(out)
                System.setErr(err)
            }
            assertTrue(seen.isNotEmpty() && keystore.secrets.size == 2)
            val session = seen.map { String(it).removePrefix("Bearer ") }.distinct().single()
            val numbers =
                keystore.secrets.flatMap {
                    listOf(HexFormat.of().formatHex(it), Base64.getEncoder().encodeToString(it), it.contentToString())
                }
            val all = said.toString() + printed
            assertTrue(names.size == 2 && names.none { it.isBlank() })
            assertTrue("PinAsked" in all && "HttpRequest" in all && "bank-unreachable" in all)
            val others = listOf(PIN, WRONG_PIN, PASSWORD, session, session.toByteArray().contentToString(), ACCOUNT, "杭州")
            for (secret in others + names + numbers) {
                assertFalse(secret in all, "a secret of ${secret.length} characters is in what was said")
            }
        }

    /** The PIN is chosen while the test runs, and never a string of this test: what is found of it was left by the library. */
    @Test
    fun `no PIN is left in the heap`() =
        bounded {
            Scene().use { scene ->
                scene.client().use { client ->
                    val masked = CharArray(LENGTH) { (ALPHABET[SecureRandom().nextInt(ALPHABET.length)].code xor MASK).toChar() }
                    val pin = { CharArray(LENGTH) { (masked[it].code xor MASK).toChar() } }
                    val person =
                        object : Person(scene.hand) {
                            override suspend fun pin(
                                reason: PinReason,
                                text: String,
                            ) = if (reason == PinReason.Current) FIRST_PIN.toCharArray() else pin()
                        }
                    scene.hand.openPairing()
                    scene.living {
                        client.pair(scene.packets()).finish(person)
                        client.changePin(scene.packets()).finish(person)
                        client.downloadCertificate(scene.packets()).finish(person)
                        val order = client.orderTransfer(transfer(1)).finish(person)
                        assertEquals(
                            OrderOutcome.EXECUTED,
                            client
                                .runOrder(scene.packets(), order)
                                .finish(person)
                                .receipt.outcome,
                        )
                    }
                    assertEquals(0, found(scene, pin), "the PIN is still in the heap")
                    // And it would be found.
                    val kept = String(pin())
                    assertTrue(found(scene, pin) > 0 && kept.length == LENGTH)
                }
            }
        }

    /** How often it is in a dump of what is alive, as Latin-1 or as UTF-16. */
    private fun found(
        scene: Scene,
        pin: () -> CharArray,
    ): Int {
        val dump = File(scene.at("heap.hprof"))
        dump.delete()
        ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean::class.java).dumpHeap(dump.path, true)
        val heap = dump.readBytes()
        return listOf(1, 2).sumOf { width ->
            heap.indices.count { at -> at + LENGTH * width <= heap.size && pinAt(heap, at, width, pin) }
        }
    }

    private fun pinAt(
        heap: ByteArray,
        at: Int,
        width: Int,
        pin: () -> CharArray,
    ): Boolean {
        if (cached == null) cached = IntArray(LENGTH).also { all -> pin().forEachIndexed { i, c -> all[i] = c.code xor MASK } }
        val masked = cached!!
        return masked.indices.all { heap[at + it * width + width - 1].toInt() == masked[it] xor MASK }
    }

    private var cached: IntArray? = null

    private companion object {
        const val WRONG_PIN = "918273"
        const val LENGTH = 12
        const val MASK = 0x55
        const val ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    }
}
