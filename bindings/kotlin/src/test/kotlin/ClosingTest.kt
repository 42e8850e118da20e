package ushield

import kotlinx.coroutines.async
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.supervisorScope
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.extension.ExtendWith
import ushield.host.MemoryKeystore

/** A folder is free when its client is shut down, whatever runs then, and whenever `open` is given up. */
@ExtendWith(NothingLeft::class)
class ClosingTest {
    private object Searching : Radio {
        override suspend fun connect(wanted: Wanted): Connected = awaitCancellation()

        override suspend fun look(): List<Seen> = awaitCancellation()
    }

    @Test
    fun `a folder is free when its client is shut down`() =
        bounded {
            Scene().use { scene ->
                val (keystore, store) = MemoryKeystore() to Store.Folder(java.io.File(scene.at("phone")))
                repeat(ROUNDS) {
                    val client = UShield.open(scene.config(store), scene.http, keystore)
                    supervisorScope {
                        val running = async { runCatching { client.pair(listOf(Searching)).finish(Person(scene.hand)) } }
                        val looking = async { runCatching { client.inReach(listOf(Searching)) } }
                        client.resume(listOf(Searching)).first()
                        client.shutDown()
                        assertTrue(running.await().exceptionOrNull() is UShieldException || running.await().isFailure)
                        assertTrue(looking.await().isFailure)
                    }
                }
                repeat(ROUNDS) { turns ->
                    val opening = async { UShield.open(scene.config(store), scene.http, keystore).shutDown() }
                    repeat(turns) { kotlinx.coroutines.yield() }
                    opening.cancelAndJoin()
                }
                val client = UShield.open(scene.config(store), scene.http, keystore)
                assertEquals(emptyList<HistoryEntry>(), client.history())
                client.shutDown()
            }
        }

    private companion object {
        const val ROUNDS = 30
    }
}
