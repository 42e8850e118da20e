package ushield

import java.nio.CharBuffer

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
    val encoded = Charsets.UTF_8.encode(CharBuffer.wrap(characters))
    val bytes = ByteArray(encoded.remaining())
    encoded.get(bytes)
    encoded.array().fill(0)
    return bytes
}
