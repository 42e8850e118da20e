package ushield.host

import kotlinx.coroutines.Job
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.withContext
import ushield.Card
import ushield.Connected
import ushield.LinkException
import ushield.Medium
import ushield.Radio
import ushield.Seen
import ushield.Wanted

/** A host with a card reader, over vpcd's protocol: a byte switches the card, another one asks for its ATR, the rest are commands. */
class Reader(
    private val plug: Plug,
    private val extended: Boolean = false,
) : Radio {
    override suspend fun connect(wanted: Wanted): Connected {
        if (!wanted.isAt("reader")) throw LinkException.TokenNotFound()
        return Connected(Inserted(plug, extended).apply { reset() }, place = "reader")
    }

    override suspend fun look(): List<Seen> = listOf(Seen(Medium.CARD, "reader"))
}

/** The card. */
private class Inserted(
    private val plug: Plug,
    override val extended: Boolean,
) : Card {
    private val life = Job()

    /** Reset, and the ATR, at once and to its end: what was answered to nobody comes before it, and no second one behind it. */
    suspend fun reset() =
        withContext(NonCancellable) {
            plug.say(2)
            plug.say(4)
            do {
                val answer = plug.hear(life)
            } while (answer[0] != 0x3b.toByte())
        }

    override suspend fun transceive(command: ByteArray): ByteArray {
        plug.say(command)
        return plug.hear(life)
    }

    override suspend fun release() {
        life.cancel()
        plug.say(0)
    }
}
