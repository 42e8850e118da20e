package ushield.host

import kotlinx.coroutines.Job
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.withTimeoutOrNull
import ushield.Connected
import ushield.Fit
import ushield.LinkException
import ushield.Medium
import ushield.Packets
import ushield.Radio
import ushield.Seen
import ushield.Wanted

/** A host with Bluetooth LE, over the software token's bridge to a radio: an op and its data (`tests/emulator/host/src/gatt/bridge.rs`). */
class Air(
    private val plug: Plug,
    private val mtu: Int = 185,
) : Radio {
    override suspend fun connect(wanted: Wanted): Connected {
        val fits = { data: ByteArray -> wanted.isAt("air") && wanted.fits(data) != Fit.NO }
        withTimeoutOrNull(wanted.patience) { plug.air.first(fits) } ?: throw LinkException.TokenNotFound()
        plug.say(1)
        plug.say(2, (mtu shr Byte.SIZE_BITS).toByte(), mtu.toByte())
        plug.say(4, 1)
        return Connected(Gatt(plug, mtu), place = "air")
    }

    override suspend fun look(): List<Seen> = listOf(Seen(Medium.BLE, "air", plug.air.value))
}

/** A connection. */
private class Gatt(
    private val plug: Plug,
    override val mtu: Int,
) : Packets {
    private val life = Job()

    override suspend fun info(): ByteArray {
        plug.say(3)
        // What is of the connection before comes first.
        while (true) plug.hear(life).let { if (it[0] == 129.toByte()) return it.copyOfRange(1, it.size) }
    }

    override suspend fun write(value: ByteArray) = plug.say(5, *value)

    override suspend fun notified(): ByteArray {
        val heard = plug.hear(life)
        if (heard[0] != 130.toByte()) throw LinkException.Lost()
        plug.say(6)
        return heard.copyOfRange(1, heard.size)
    }

    override suspend fun disconnect() {
        life.cancel()
        plug.say(7)
    }
}
