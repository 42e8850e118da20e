package ushield.host

import ushield.BankHttp
import ushield.Card
import ushield.Clock
import ushield.Connected
import ushield.HttpRequest
import ushield.Keystore
import ushield.Link
import ushield.Packets
import ushield.Radio
import ushield.Seen
import ushield.Wanted
import java.util.concurrent.CopyOnWriteArrayList

/** Does something first wherever the core calls the host: throws, never returns, counts. */
class Faults(
    private val before: suspend (String) -> Unit,
) {
    /** The callbacks that were made, in order. */
    val calls = CopyOnWriteArrayList<String>()

    suspend fun <T> at(
        name: String,
        call: suspend () -> T,
    ): T {
        calls += name
        before(name)
        return call()
    }

    fun bank(host: BankHttp) = BankHttp { request: HttpRequest -> at("bank.call") { host.call(request) } }

    fun keystore(host: Keystore): Keystore =
        object : Keystore {
            override suspend fun createDh(name: String) = at("keystore.createDh") { host.createDh(name) }

            override suspend fun agree(
                name: String,
                point: ByteArray,
            ) = at("keystore.agree") { host.agree(name, point) }

            override suspend fun sealingKey() = at("keystore.sealingKey") { host.sealingKey() }
        }

    fun radios(hosts: List<Radio>): List<Radio> = hosts.map(::radio)

    private fun radio(host: Radio): Radio =
        object : Radio {
            override suspend fun connect(wanted: Wanted): Connected =
                at("radio.connect") { host.connect(wanted).let { Connected(link(it.link), it.place, it.others) } }

            override suspend fun look(): List<Seen> = at("radio.look") { host.look() }
        }

    private fun link(host: Link): Link =
        when (host) {
            is Packets -> packets(host)
            is Card -> card(host)
        }

    private fun packets(host: Packets) =
        object : Packets {
            override val mtu get() = host.mtu

            override suspend fun info() = at("packets.info") { host.info() }

            override suspend fun write(value: ByteArray) = at("packets.write") { host.write(value) }

            override suspend fun notified() = at("packets.notified") { host.notified() }

            // It is over in any case: else the next one finds no token.
            override suspend fun disconnect() {
                host.disconnect()
                at("packets.disconnect") {}
            }
        }

    private fun card(host: Card) =
        object : Card {
            override val extended get() = host.extended

            override suspend fun transceive(command: ByteArray) = at("card.transceive") { host.transceive(command) }

            override suspend fun release() {
                host.release()
                at("card.release") {}
            }
        }
}

/** A clock that throws at one of its callbacks. */
class FaultyClock(
    private val at: String,
    private val thrown: () -> Throwable,
) : Clock {
    val calls = CopyOnWriteArrayList<String>()

    override fun now() = tell("clock.now") { java.time.Instant.now() }

    override fun elapsed() = tell("clock.elapsed") { kotlin.time.Duration.ZERO }

    private fun <T> tell(
        name: String,
        tell: () -> T,
    ): T {
        calls += name
        if (name == at) throw thrown()
        return tell()
    }
}
