package ushield

import java.nio.ByteBuffer
import java.nio.CharBuffer
import java.nio.charset.CodingErrorAction

/** Hands the characters over as UTF-8, and overwrites them and the copies. No string is made of them. */
internal inline fun <T> CharArray.spent(use: (ByteArray) -> T): T =
    try {
        val bytes = utf8(this)
        try {
            use(bytes)
        } finally {
            bytes.fill(0)
        }
    } finally {
        fill('\u0000')
    }

internal fun utf8(characters: CharArray): ByteArray {
    // Room for the longest, so that nothing outgrows it and is left behind.
    val encoder = Charsets.UTF_8.newEncoder().onMalformedInput(CodingErrorAction.REPLACE)
    val encoded = ByteArray(characters.size * MAX_BYTES)
    val room = ByteBuffer.wrap(encoded)
    encoder.encode(CharBuffer.wrap(characters), room, true)
    encoder.flush(room)
    return encoded.copyOf(room.position()).also { encoded.fill(0) }
}

/** Of a character in UTF-8. */
private const val MAX_BYTES = 3
