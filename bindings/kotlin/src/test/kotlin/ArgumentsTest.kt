package ushield

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.extension.ExtendWith
import ushield.host.MemoryKeystore
import java.time.LocalDate

/** What cannot be handed over is refused by its name, shows nothing of itself, and leaves nothing alive. */
@ExtendWith(NothingLeft::class)
class ArgumentsTest {
    private val half = "$ACCOUNT\ud800"

    private suspend fun refused(
        said: String,
        call: suspend () -> Any,
    ) {
        val thrown = assertThrows<IllegalArgumentException> { call() }
        // Coroutines copy an exception, with the first one as its cause.
        for (cause in generateSequence<Throwable>(thrown) { it.cause }) assertEquals(said, cause.message)
    }

    @Test
    fun `a transfer and ids`() =
        bounded {
            Scene().use { scene ->
                scene.client().use { client ->
                    suspend fun ordering(transfer: Transfer) = client.orderTransfer(transfer).finish(Person(scene.hand))
                    refused("minor is below zero") { ordering(transfer(-1)) }
                    refused("executionDate is not of the years 1 to 9999") { ordering(transfer(1).copy(executionDate = LocalDate.MAX)) }
                    refused("debtorAccount holds half a character") { ordering(transfer(1).copy(debtorAccount = half)) }
                    refused("remittanceText holds half a character") { ordering(transfer(1).copy(remittanceText = half)) }
                }
                refused("order holds half a character") { OrderId(half) }
                refused("token holds half a character") { TokenId(half) }
                refused("phone holds half a character") { PhoneId(half) }
                refused("request holds half a character") { RequestId(half) }
            }
        }

    @Test
    fun `a configuration`() =
        bounded {
            Scene().use { scene ->
                suspend fun opening(config: Config) = UShield.open(config, scene.http, MemoryKeystore())
                val good = scene.config()
                refused("phone holds half a character") {
                    opening(Config(good.store, good.trust, good.makers, good.customer, half, good.language))
                }
                refused("name holds half a character") {
                    opening(Config(good.store, good.trust.copy(name = half), good.makers, good.customer, good.phone, good.language))
                }
                refused("trust holds half a character") { Trust.read(half) }
            }
        }
}
