package ushield

import kotlinx.coroutines.delay
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.extension.ExtendWith
import ushield.ffi.probeLiveBytes
import ushield.host.Air
import java.io.File
import java.lang.management.ManagementFactory
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds
import kotlin.time.TimeSource

/**
 * A thousand orders in one process: as much is alive as at the start, and neither the heap nor what the core holds has grown since the
 * hundredth.
 *
 * Every second one is rejected, and from time to time the customer takes a new token: one keeps 64 approvals and 64 rejections, until they
 * have expired.
 */
@ExtendWith(NothingLeft::class)
class ThousandOrdersTest {
    private var done = 0
    private var executed = 0L
    private var early = 0L
    private var earlyNative = 0L

    private fun heapAfterCollection(): Long {
        val memory = ManagementFactory.getMemoryMXBean()
        // What is only weakly held takes a further collection.
        return (1..COLLECTIONS).minOf {
            System.gc()
            memory.heapMemoryUsage.used
        }
    }

    private suspend fun orders(
        scene: Scene,
        client: UShield,
        soft: SoftToken,
        count: Int,
    ) {
        val radios = listOf(Air(soft.radio, mtu = 517))
        val token = scene.settle(client, radios, soft.hand)
        scene.living(soft.hand) {
            repeat(count) {
                val approves = it % 2 == 0
                soft.hand.will = if (approves) Will.APPROVE else Will.REFUSE
                val order = client.orderTransfer(transfer(1), token.id).finish(Person(soft.hand))
                val report = client.runOrder(radios, order).finish(Person(soft.hand))
                assertEquals(if (approves) OrderOutcome.EXECUTED else OrderOutcome.REJECTED, report.receipt.outcome)
                if (approves) executed += 1
                done += 1
                soft.hand.read.clear()
                if (done == EARLY) {
                    early = heapAfterCollection()
                    earlyNative = probeLiveBytes()
                }
            }
        }
    }

    @Test
    fun `a thousand orders`() =
        bounded(20.minutes) {
            val orders = System.getProperty("ushield.orders").toInt()
            Scene().use { scene ->
                // A store on a disk: one in memory would rightly grow.
                scene.client(Store.Folder(File(scene.at("phone")))).use { client ->
                    val before = Alive()
                    val start = TimeSource.Monotonic.markNow()
                    while (done < orders) {
                        SoftToken(scene, "token-$done").use { orders(scene, client, it, minOf(PER_TOKEN, orders - done)) }
                    }
                    val took = start.elapsedNow()
                    before.again()
                    // What is freed by threads of their own takes a moment; what is leaked never goes.
                    var late = heapAfterCollection()
                    val end = TimeSource.Monotonic.markNow() + SETTLED
                    while (late > early * 1.05 && end.hasNotPassedNow()) {
                        delay(STEP)
                        late = heapAfterCollection()
                    }
                    val native = probeLiveBytes()
                    println("$orders orders in $took; heap ${early / KIB} KiB after order $EARLY, ${late / KIB} KiB after the last")
                    println("held by the core: ${earlyNative / KIB} KiB after order $EARLY, ${native / KIB} KiB after the last")
                    assertTrue(late <= early * 1.05, "$early bytes became $late")
                    assertTrue(native <= earlyNative * 1.05, "$earlyNative bytes of the core became $native")
                }
                assertEquals(executed, scene.moved())
            }
        }

    private companion object {
        const val EARLY = 100
        const val PER_TOKEN = 120
        const val COLLECTIONS = 5
        const val KIB = 1024
        val SETTLED = 20.seconds
        val STEP = 500.milliseconds
    }
}
