package ushield

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.extension.ExtendWith
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.ValueSource
import ushield.host.MemoryKeystore
import java.io.File

@ExtendWith(NothingLeft::class)
class WholePathTest {
    private fun wholePath(radios: (Scene) -> List<Radio>) =
        bounded {
            Scene().use { scene ->
                val way = radios(scene)
                val keystore = MemoryKeystore()
                scene.client(keystore = keystore).use { client ->
                    assertEquals(Amount(BALANCE, "CNY", 2), client.accounts().single().balance)
                    val token = scene.settle(client, way)
                    assertEquals(listOf(token), client.tokens())
                    assertEquals(1, keystore.names.size)
                    scene.living {
                        val person = Person(scene.hand)
                        val order = client.orderTransfer(transfer(1_234_567)).finish(person)
                        val pages = client.preview(order)
                        scene.hand.read.clear()
                        val report = client.runOrder(way, order).finish(person)
                        assertEquals(OrderOutcome.EXECUTED, report.receipt.outcome)
                        assertEquals(order, report.receipt.order)
                        // What the core said that the token would show is what it showed.
                        assertEquals(pages.map { it.lines.joinToString("\n") }, scene.hand.read.map { it.trimEnd('\n') })
                        assertTrue(pages.first().lines.any { "12,345.67" in it })
                        val state = client.tokenState(way).finish(person)
                        assertEquals(setOf(CertificateRole.PAY), state.certificates)
                        assertEquals(
                            client.certificate(CertificateRole.PAY)!!.size,
                            client.certificateOnToken(way, CertificateRole.PAY).finish(person).size,
                        )
                        assertEquals(OrderStatus.Ended(OrderOutcome.EXECUTED), client.history().first().status)
                    }
                }
                assertEquals(1_234_567, scene.moved())
            }
        }

    @ParameterizedTest
    @ValueSource(ints = [23, 185, 517])
    fun `over packets`(mtu: Int) = wholePath { it.packets(mtu) }

    @ParameterizedTest
    @ValueSource(booleans = [false, true])
    fun `over a card`(extended: Boolean) = wholePath { it.card(extended) }

    @Test
    fun `a link moves bytes in sixty lines at most`() {
        for (name in listOf("target/document/src/host/Air.kt", "src/test/kotlin/host/Reader.kt")) {
            val lines = File(name).readLines().map { it.trim() }
            val code = lines.filterNot { it.isEmpty() || it.startsWith("//") || it.startsWith("/*") || it.startsWith("*") }
            println("$name: ${code.size} lines")
            assertTrue(code.size <= 60, name)
        }
    }
}
