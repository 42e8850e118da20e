package ushield

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.withContext
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.extension.ExtendWith
import ushield.host.DeskKeystore
import ushield.host.Screens
import ushield.host.getReady
import ushield.host.pay
import ushield.host.phone
import ushield.host.resume
import ushield.host.setup
import ushield.host.tea
import ushield.host.watch
import java.io.File
import java.net.ServerSocket

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
                        assertEquals(emptyList<Report>(), resume(client, scene.packets(), customer))
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
            val from = program.inputStream.reader()
            generateSequence { from.read().takeIf { it >= 0 } }.forEach {
                said.append(it.toChar())
                val line = said.substring(said.lastIndexOf('\n') + 1)
                if (!from.ready() && PROMPT.matches(line)) {
                    program.outputStream.write("${answer(line)}\n".toByteArray())
                    program.outputStream.flush()
                }
            }
            said.toString()
        }

    private companion object {
        val PROMPT = Regex(".*((Password|PIN).*: |\\[y/n] )$")
    }
}
