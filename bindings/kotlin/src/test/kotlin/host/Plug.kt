package ushield.host

import kotlinx.coroutines.Job
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.selects.select
import ushield.LinkException
import java.io.DataInputStream
import java.io.IOException
import java.net.InetAddress
import java.net.ServerSocket
import java.net.Socket
import kotlin.concurrent.thread

/** Of the ops of the token's bridge to a radio: what it advertises, and where in it the company ends. */
private const val ADVERTISE: Byte = 131.toByte()
private const val COMPANY_END = 1 + 25

/**
 * What stands for a phone's system: the end of a local socket at which the software token's bridge to a radio, or vpcd's card, plugs in.
 * Both speak `length u16 || bytes`; what the bytes mean is the hosts' matter.
 */
class Plug(
    private val isRadio: Boolean,
) : AutoCloseable {
    private val server = ServerSocket(0, 1, InetAddress.getLoopbackAddress())
    private val heard = Channel<ByteArray>(Channel.UNLIMITED)
    private lateinit var socket: Socket

    /** Where the token is to plug in. */
    val address = "127.0.0.1:${server.localPort}"

    /** What is advertised: the manufacturer's data behind the company, as systems give them. */
    val air = MutableStateFlow(ByteArray(0))

    /** A switch: what is said while it is off is lost, and so are the ears. */
    @Volatile
    var isCut = false

    /** How many packets were moved, and after how many the next one fails: a failing link. */
    @Volatile
    var failsAfter = Int.MAX_VALUE

    private val reader = thread(isDaemon = true, name = "plug") { read() }

    private fun read() {
        try {
            socket = server.accept()
            socket.tcpNoDelay = true
            val from = DataInputStream(socket.getInputStream().buffered())
            while (true) {
                val bytes = ByteArray(from.readUnsignedShort()).also(from::readFully)
                if (isRadio && bytes[0] == ADVERTISE) {
                    air.value = bytes.copyOfRange(COMPANY_END.coerceAtMost(bytes.size), bytes.size)
                } else {
                    heard.trySend(bytes)
                }
            }
        } catch (_: IOException) {
            // It was unplugged.
            heard.close()
        }
    }

    /** Hands bytes over; a socket takes that little at once. */
    fun say(vararg bytes: Byte) {
        spend()
        val length = bytes.size
        try {
            synchronized(
                heard,
            ) { socket.getOutputStream().write(byteArrayOf((length shr Byte.SIZE_BITS).toByte(), length.toByte(), *bytes)) }
        } catch (lost: IOException) {
            throw LinkException.Lost(lost)
        }
    }

    /** Waits for what comes next, until the connection that it is for is over. */
    suspend fun hear(life: Job): ByteArray {
        val next =
            select {
                life.onJoin { null }
                heard.onReceiveCatching { it.getOrNull() }
            }
        spend()
        return next ?: throw LinkException.Lost()
    }

    private fun spend() {
        if (isCut) throw LinkException.Lost()
        if (failsAfter != Int.MAX_VALUE) {
            failsAfter -= 1
            if (failsAfter < 0) throw LinkException.Lost()
        }
    }

    override fun close() {
        server.close()
        if (::socket.isInitialized) socket.close()
        reader.join()
    }
}
