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
import java.util.concurrent.atomic.AtomicInteger
import kotlin.concurrent.thread

/** Of the ops of the token's bridge to a radio: what it advertises, and where in it the company ends. */
private const val ADVERTISE: Byte = 131.toByte()
private const val COMPANY_END = 1 + 25

/** A connection over radio has ended; a card has no power any more. */
private const val RADIO_GONE: Byte = 7
private const val FIELD_GONE: Byte = 0

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
    fun say(
        op: Byte,
        data: ByteArray = byteArrayOf(),
    ) = say(byteArrayOf(op) + data)

    /** Hands bytes over. */
    fun say(bytes: ByteArray) {
        spend()
        val length = bytes.size
        try {
            synchronized(
                heard,
            ) { socket.getOutputStream().write(byteArrayOf((length shr Byte.SIZE_BITS).toByte(), length.toByte()) + bytes) }
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
        if (isCut || left.getAndUpdate { if (it == 0 || it == Int.MAX_VALUE) Int.MAX_VALUE else it - 1 } == 0) throw LinkException.Lost()
    }

    override fun close() {
        server.close()
        if (::socket.isInitialized) socket.close()
        reader.join()
    }
}
