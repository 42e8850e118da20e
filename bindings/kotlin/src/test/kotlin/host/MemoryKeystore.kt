package ushield.host

import ushield.Keystore
import ushield.KeystoreException
import java.math.BigInteger
import java.security.KeyFactory
import java.security.KeyPair
import java.security.KeyPairGenerator
import java.security.SecureRandom
import java.security.interfaces.ECPublicKey
import java.security.spec.ECGenParameterSpec
import java.security.spec.ECPoint
import java.security.spec.ECPublicKeySpec
import java.util.concurrent.ConcurrentHashMap
import javax.crypto.KeyAgreement

/** Keys that stay in this process: the private one never crosses into the core. On a phone the provider is `AndroidKeyStore`. */
class MemoryKeystore : Keystore {
    private val keys = ConcurrentHashMap<String, KeyPair>()
    private val sealing = ByteArray(LENGTH).also(SecureRandom()::nextBytes)

    /** Names of the keys that are there. */
    val names: Set<String> get() = keys.keys.toSet()

    /** The secret numbers, for a test that looks for them where they must not be. */
    internal val secrets: List<ByteArray> get() = keys.values.map { it.private.encoded } + listOf(sealing)

    override suspend fun createDh(name: String): ByteArray {
        val pair =
            keys.computeIfAbsent(name) {
                KeyPairGenerator.getInstance("EC").apply { initialize(ECGenParameterSpec("secp256r1")) }.generateKeyPair()
            }
        val point = (pair.public as ECPublicKey).w
        return byteArrayOf(UNCOMPRESSED) + coordinate(point.affineX) + coordinate(point.affineY)
    }

    override suspend fun agree(
        name: String,
        point: ByteArray,
    ): ByteArray {
        val pair = keys[name] ?: throw KeystoreException()
        val other = ECPoint(BigInteger(1, point.copyOfRange(1, 1 + LENGTH)), BigInteger(1, point.copyOfRange(1 + LENGTH, 1 + 2 * LENGTH)))
        val key = KeyFactory.getInstance("EC").generatePublic(ECPublicKeySpec(other, (pair.public as ECPublicKey).params))
        return KeyAgreement.getInstance("ECDH").run {
            init(pair.private)
            doPhase(key, true)
            generateSecret()
        }
    }

    override suspend fun sealingKey(): ByteArray = sealing.clone()

    override suspend fun delete(name: String) {
        keys.remove(name)
    }

    /** 32 bytes, big-endian. */
    private fun coordinate(number: BigInteger): ByteArray {
        val bytes = number.toByteArray()
        return ByteArray((LENGTH - bytes.size).coerceAtLeast(0)) + bytes.copyOfRange((bytes.size - LENGTH).coerceAtLeast(0), bytes.size)
    }

    private companion object {
        const val LENGTH = 32
        const val UNCOMPRESSED: Byte = 4
    }
}
