package ushield

import kotlinx.coroutines.flow.first
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
}
