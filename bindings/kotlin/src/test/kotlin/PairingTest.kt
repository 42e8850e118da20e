package ushield

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.extension.ExtendWith
import ushield.host.MemoryKeystore

@ExtendWith(NothingLeft::class)
class PairingTest {
    @Test
    fun `digits that differ pair nothing, and what the app throws while it compares comes out`() =
        bounded {
            class Thrown : RuntimeException("thrown by the app")
            Scene().use { scene ->
                scene.client().use { client ->
                    val differing =
                        object : Person(scene.hand) {
                            override suspend fun digitsAreEqual(
                                digits: String,
                                name: String,
                                brand: String,
                            ) = false
                        }
                    val throwing =
                        object : Person(scene.hand) {
                            override suspend fun digitsAreEqual(
                                digits: String,
                                name: String,
                                brand: String,
                            ): Boolean = throw Thrown()
                        }
                    scene.hand.will = Will.WATCH
                    scene.hand.openPairing()
                    val problem = assertThrows<UShieldException> { client.pair(scene.packets()).finish(differing) }
                    assertEquals(Code.DIGITS_DIFFER, problem.code)
                    scene.hand.openPairing()
                    assertThrows<Thrown> { client.pair(scene.packets()).finish(throwing) }
                    assertTrue(client.tokens().isEmpty())
                    scene.hand.will = Will.APPROVE
                    scene.settle(client, scene.packets())
                }
            }
        }

    @Test
    fun `a store on a disk is opened again, with the same keys and no others`() =
        bounded {
            Scene().use { scene ->
                val (keystore, store) = MemoryKeystore() to Store.Folder(java.io.File(scene.at("phone")))
                val token = scene.client(store, keystore = keystore).use { scene.settle(it, scene.packets()) }
                scene.client(store, keystore = keystore).use { client ->
                    assertEquals(listOf(token), client.tokens())
                    assertEquals(null, client.notice)
                    val state = client.tokenState(scene.packets()).finish(Person(scene.hand))
                    assertEquals("Li's phone", state.phones.single { it.isThis }.name)
                    val reach = client.inReach(scene.packets() + scene.card())
                    assertTrue(reach.any { it.whose == Whose.Ours(token) }, "$reach")
                    client.forgetHere()
                    assertTrue(client.tokens().isEmpty())
                }
            }
        }
}
