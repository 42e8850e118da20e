package ushield.host

import ushield.LinkException
import java.util.concurrent.atomic.AtomicInteger

/** A connection over radio has ended; a card has no power any more. */
private const val RADIO_GONE: Byte = 7
private const val FIELD_GONE: Byte = 0

/** The document's plug, and a token that goes out of reach. */
class FaultyPlug(
    private val isRadio: Boolean,
) : Plug(isRadio) {
    /** Whether the token is out of reach: nothing can be said, nothing is heard. */
    @Volatile
    private var isCut = false

    /** After how many packets one is lost, and the connection with it. */
    private val left = AtomicInteger(Int.MAX_VALUE)

    /** The token goes out of reach; the last thing that it notices. */
    fun cut() {
        say(if (isRadio) RADIO_GONE else FIELD_GONE)
        isCut = true
    }

    /** It is back. */
    fun mend() {
        isCut = false
    }

    /** After so many packets one is lost, once. */
    fun failOnceAfter(packets: Int) = left.set(packets)

    override fun pass() {
        if (isCut || left.getAndUpdate { if (it == 0 || it == Int.MAX_VALUE) Int.MAX_VALUE else it - 1 } == 0) throw LinkException.Lost()
    }
}
