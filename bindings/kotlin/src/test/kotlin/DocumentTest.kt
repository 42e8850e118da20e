package ushield

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.extension.ExtendWith
import ushield.host.BankOverHttps
import ushield.host.DeskKeystore
import ushield.host.Screens
import ushield.host.getReady
import ushield.host.pay
import ushield.host.phone
import ushield.host.resume
import ushield.host.secret
import ushield.host.setup
import ushield.host.tea
import ushield.host.watch
import java.io.ByteArrayOutputStream
import java.io.File
import java.io.PipedInputStream
import java.io.PipedOutputStream
import java.io.PrintStream
import java.net.InetAddress
import java.net.ServerSocket
import java.net.URI
import kotlin.concurrent.thread

/** The code of docs/integrate-phone.md, from an empty folder to a signed transfer. */
@ExtendWith(NothingLeft::class)
class DocumentTest {
    @Test
    fun `from an empty project to a signed transfer`() =
        bounded {
            Scene().use { scene ->
                val shown = mutableListOf<String>()
                val customer =
                    Screens(
                        show = { shown += it },
                        askPin = { reason, _ -> (if (reason == PinReason.Current) FIRST_PIN else PIN).toCharArray() },
                        askWhetherEqual = { text -> scene.hand.digits.first { it != null && it in text } != null },
                    )
                val trust = File(scene.at("bank/trust.json")).readText()
                val config = setup(trust, File(scene.at("maker/root.pem")).inputStream(), "li", File(scene.at("phone")))
                phone(config, scene.http, DeskKeystore(), PASSWORD.toCharArray()).use { client ->
                    scene.hand.openPairing()
                    scene.living {
                        val token = getReady(client, scene.packets(), customer)
                        assertEquals(listOf(token), client.tokens())
                        assertTrue(pay(client, scene.packets(), customer, tea(ACCOUNT)))
                        assertEquals(
                            OrderOutcome.EXECUTED,
                            watch(client, scene.card(), transfer(30), { PIN.toCharArray() }, takeBack = false),
                        )
                        assertEquals(
                            OrderOutcome.CANCELLED,
                            watch(client, scene.packets(), transfer(5), { PIN.toCharArray() }, takeBack = true),
                        )
                        assertEquals(emptyList<Resumed>(), resume(client, scene.packets(), customer))
                    }
                }
                assertEquals(1_234 + 30, scene.moved())
                assertTrue(shown.isNotEmpty())
            }
        }

    @Test
    fun `its program, at a terminal`() =
        bounded {
            val port = ServerSocket(0).use { it.localPort }
            Scene(radioAt = "127.0.0.1:$port").use { scene ->
                val program = program("${scene.url}", scene.at("bank"), scene.at("maker"), "$port")
                try {
                    scene.hand.openPairing()
                    val pins = ArrayDeque(listOf(FIRST_PIN, PIN, PIN, PIN))
                    val said =
                        scene.living {
                            talk(program) { prompt ->
                                when {
                                    "Password" in prompt -> PASSWORD
                                    "[y/n]" in prompt -> if (scene.hand.digits.first { it != null && it in prompt } == null) "n" else "y"
                                    else -> pins.removeFirst()
                                }
                            }
                        }
                    assertEquals(0, program.waitFor(), said)
                    assertEquals(1_234, scene.moved(), said)
                    assertTrue("12.34" in said && PASSWORD !in said && PIN !in said, said)
                } finally {
                    program.destroyForcibly()
                }
            }
        }

    @Test
    fun `a prompt of its program is taken away without a key, and what is typed then answers no other`() =
        bounded {
            val (keyboard, out) = System.`in` to System.out
            val typing = PipedOutputStream()
            val printed = ByteArrayOutputStream()
            System.setIn(PipedInputStream(typing))
            System.setOut(PrintStream(printed, true))
            try {
                val dropped = launch { secret("PIN: ") }
                while ("PIN: " !in printed.toString()) delay(STEP)
                dropped.cancelAndJoin()
                assertTrue("press Enter" in printed.toString())
                val next = async { secret("Another PIN: ") }
                typing.write("typed too late\n204619\n".toByteArray())
                typing.flush()
                assertEquals(PIN, String(next.await()))
            } finally {
                System.setIn(keyboard)
                System.setOut(out)
            }
        }

    @Test
    fun `a handshake that breaks off is no other bank`() =
        bounded {
            Scene().use { scene ->
                val ca = { File(scene.at("bank/tls-ca.pem")).inputStream() }
                ServerSocket(0, 1, InetAddress.getLoopbackAddress()).use { server ->
                    val accepting = { while (true) server.accept().use { it.getInputStream().read() } }
                    val closing = thread(isDaemon = true) { runCatching(accepting) }
                    val broken = BankOverHttps(URI("https://127.0.0.1:${server.localPort}"), ca())
                    assertThrows<BankException.Unreachable> { broken.call(REQUEST) }
                    server.close()
                    closing.join()
                    assertThrows<BankException.Unreachable> { broken.call(REQUEST) }
                }
                // Another bank's server, with a certificate by that bank's own CA.
                Scene().use { other ->
                    assertThrows<BankException.Untrusted> { BankOverHttps(other.url, ca()).call(REQUEST) }
                }
            }
        }

    private fun program(vararg arguments: String): Process {
        val java = "${System.getProperty("java.home")}/bin/java"
        val library = "-Djna.library.path=${System.getProperty("jna.library.path")}"
        val classes = System.getProperty("surefire.test.class.path") ?: System.getProperty("java.class.path")
        return ProcessBuilder(java, library, "-cp", classes, "ushield.host.MainKt", *arguments).redirectErrorStream(true).start()
    }

    /** Answers what a program asks; all that it said. */
    private suspend fun talk(
        program: Process,
        answer: suspend (String) -> String,
    ): String =
        withContext(Dispatchers.IO) {
            val said = StringBuilder()
            var isOver = false
            // Reading cannot be cancelled: when the test is, the program is ended.
            val guard =
                launch {
                    try {
                        awaitCancellation()
                    } finally {
                        if (!isOver) program.destroyForcibly()
                    }
                }
            val from = program.inputStream.reader()
            generateSequence { from.read().takeIf { it >= 0 } }.forEach {
                said.append(it.toChar())
                val line = said.substring(said.lastIndexOf('\n') + 1)
                if (!from.ready() && PROMPT.matches(line)) {
                    program.outputStream.write("${answer(line)}\n".toByteArray())
                    program.outputStream.flush()
                }
            }
            isOver = true
            guard.cancel()
            said.toString()
        }

    private companion object {
        const val STEP = 20L
        val REQUEST = HttpRequest(HttpMethod.GET, "/v1/none", emptyList(), byteArrayOf())
        val PROMPT = Regex(".*((Password|PIN).*: |\\[y/n] )$")
    }
}
