package ushield

import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.isActive
import kotlinx.coroutines.launch
import kotlinx.coroutines.selects.select
import kotlinx.coroutines.withContext
import java.util.concurrent.atomic.AtomicReference
import kotlin.coroutines.EmptyCoroutineContext
import ushield.ffi.Card as FfiCard
import ushield.ffi.Connected as FfiConnected
import ushield.ffi.LinkException as FfiLinkException
import ushield.ffi.Packets as FfiPackets
import ushield.ffi.Radio as FfiRadio
import ushield.ffi.SeenToken as FfiSeenToken
import ushield.ffi.Via as FfiVia
import ushield.ffi.Wanted as FfiWanted

/**
 * A call of the host's. Whatever it throws becomes one of the core's errors, also what is no [Exception]: the generated code would never
 * answer then. A cancellation of the core's goes on as one.
 */
@Suppress("TooGenericExceptionCaught")
internal suspend inline fun <T> asking(
    error: (Throwable) -> Exception,
    host: () -> T,
): T =
    try {
        currentCoroutineContext().ensureActive()
        host()
    } catch (thrown: Throwable) {
        currentCoroutineContext().ensureActive()
        throw error(thrown)
    }

/** Of an exception that the core does not know, its type alone: what it says may hold anything. */
internal fun type(thrown: Throwable): String = thrown.javaClass.name

/** What made a host throw one of this library's exceptions. Coroutines may have put a copy of the exception around it. */
internal fun because(thrown: Throwable): String? =
    generateSequence(thrown.cause) { it.cause }.firstOrNull { it.javaClass != thrown.javaClass }?.let(::type)

private fun linkError(thrown: Throwable): Exception =
    when (thrown) {
        is LinkException.TokenNotFound -> FfiLinkException.TokenNotFound(because(thrown))
        is LinkException.Lost -> FfiLinkException.Lost(because(thrown))
        is LinkException.RadioOff -> FfiLinkException.RadioOff(because(thrown))
        is LinkException.RadioForbidden -> FfiLinkException.RadioForbidden(because(thrown))
        is LinkException.NoReader -> FfiLinkException.NoReader(because(thrown))
        else -> FfiLinkException.Unexpected(type(thrown))
    }

internal fun List<Radio>.lower(): List<FfiRadio> = map(::RadioAdapter)

internal class RadioAdapter(
    private val host: Radio,
) : FfiRadio {
    override suspend fun connect(wanted: FfiWanted): FfiConnected = wanted.use { asking(::linkError) { unlessGivenUp(it) } }

    /** The host's attempt. One that is given up is cancelled, and what it had is ended: nobody takes it any more. */
    private suspend fun unlessGivenUp(wanted: FfiWanted): FfiConnected =
        coroutineScope {
            val had = AtomicReference<Connected>()
            val connecting = async { host.connect(Wanted(wanted)).also(had::set) }
            val givenUp = launch { wanted.givenUp() }
            try {
                select {
                    connecting.onAwait { it.lower() }
                    givenUp.onJoin { throw LinkException.Lost() }
                }
            } catch (
                @Suppress("TooGenericExceptionCaught") thrown: Throwable,
            ) {
                withContext(NonCancellable) {
                    connecting.cancelAndJoin()
                    had.get()?.link?.end()
                }
                throw thrown
            } finally {
                givenUp.cancel()
            }
        }

    override suspend fun look(): List<FfiSeenToken> =
        asking(::linkError) { host.look().map { FfiSeenToken(it.medium, it.place.whole("place"), it.advertised, it.signal?.toShort()) } }
}

private suspend fun Link.end() =
    when (this) {
        is Packets -> disconnect()
        is Card -> release()
    }

private fun Connected.lower(): FfiConnected {
    val via =
        when (link) {
            is Packets -> FfiVia.Packets(PacketsAdapter(link), link.mtu.coerceIn(0, UShort.MAX_VALUE.toInt()).toUShort())
            is Card -> FfiVia.Card(CardAdapter(link), link.extended)
        }
    return FfiConnected(via, place.whole("place"), others.coerceAtLeast(0).toUInt())
}

/** The end of a connection. Also when nobody waits for it any more before it begins: the token would stay busy. */
private suspend fun ending(host: suspend () -> Unit) {
    val certain = if (currentCoroutineContext().isActive) EmptyCoroutineContext else NonCancellable
    withContext(certain) { asking(::linkError) { host() } }
}

private class PacketsAdapter(
    private val host: Packets,
) : FfiPackets {
    override suspend fun info(): ByteArray = asking(::linkError) { host.info() }

    override suspend fun write(value: ByteArray) = asking(::linkError) { host.write(value) }

    override suspend fun notified(): ByteArray = asking(::linkError) { host.notified() }

    override suspend fun disconnect() = ending { host.disconnect() }
}

private class CardAdapter(
    private val host: Card,
) : FfiCard {
    override suspend fun transceive(command: ByteArray): ByteArray = asking(::linkError) { host.transceive(command) }

    override suspend fun release() = ending { host.release() }
}
