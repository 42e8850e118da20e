package ushield

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.extension.ExtendWith
import ushield.host.MemoryKeystore

/** Orders that the bank has and this phone has not, and the other way round. */
@ExtendWith(NothingLeft::class)
class OpenOrdersTest {
    /** A bank whose answers to orders are lost. */
    private class Losing(
        private val bank: BankHttp,
    ) : BankHttp {
        @Volatile
        var isLosing = true

        override suspend fun call(request: HttpRequest): HttpResponse {
            val response = bank.call(request)
            if (isLosing && request.method == HttpMethod.POST && "order" in request.path) throw BankException.Unreachable()
            return response
        }
    }

    @Test
    fun `an order from before the phone lost its memory is adopted and executed`() =
        bounded {
            Scene().use { scene ->
                val keystore = MemoryKeystore()
                val order =
                    scene.client(keystore = keystore).use { client ->
                        scene.settle(client, scene.packets())
                        client.orderTransfer(transfer(40)).finish(Person(scene.hand))
                    }
                scene.client(keystore = keystore).use { client ->
                    scene.hand.openPairing()
                    scene.living {
                        val person = Person(scene.hand)
                        client.pair(scene.packets()).finish(person)
                        val unknown = assertThrows<UShieldException> { client.runOrder(scene.packets(), order).finish(person) }
                        assertEquals(Code.UNKNOWN_ORDER, unknown.code)
                        assertEquals(Adopted(listOf(order), emptyMap()), client.adopt())
                        val profile = assertThrows<UShieldException> { client.preview(order) }
                        assertEquals(Code.PROFILE_UNKNOWN, profile.code)
                        val report = client.runOrder(scene.packets(), order).finish(person)
                        assertEquals(OrderOutcome.EXECUTED, report.receipt.outcome)
                        assertTrue(client.preview(order).isNotEmpty())
                    }
                }
                assertEquals(40, scene.moved())
            }
        }

    @Test
    fun `a request whose answer was lost is taken back, and the order with it`() =
        bounded {
            Scene().use { scene ->
                val keystore = MemoryKeystore()
                val losing = Losing(scene.http).apply { isLosing = false }
                scene.client(bank = losing, keystore = keystore).use { client ->
                    scene.settle(client, scene.packets())
                    losing.isLosing = true
                    val person = Person(scene.hand)
                    val failed = assertThrows<UShieldException> { client.orderTransfer(transfer(50)).finish(person) }
                    assertEquals(Code.BANK_UNREACHABLE, failed.code)
                    // Of the same second as the certificate's order, maybe: it need not be the first.
                    val entry = client.history().single { it.status == OrderStatus.Requested }
                    assertNull(entry.order)
                    assertEquals(entry.request, failed.problem.request)
                    losing.isLosing = false
                    val report = scene.living { client.cancelRequest(scene.packets(), failed.problem.request!!).finish(person) }
                    assertEquals(OrderOutcome.CANCELLED, report?.receipt?.outcome)
                    assertNull(client.history().find { it.status == OrderStatus.Requested })
                }
                assertEquals(0, scene.moved())
            }
        }
}
