package ushield

import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import ushield.ffi.Wanted as FfiWanted

/**
 * Finds a token and connects to it: one radio, one antenna or one reader. Implemented by the host, which moves bytes and decides nothing.
 *
 * What it throws, other than a [LinkException], counts as [LinkException.Lost].
 */
public interface Radio {
    /**
     * One attempt, at most [Wanted.patience] long, at a token of which [Wanted.fits] and [Wanted.isAt] say that it may be the one:
     * connected
     * over Bluetooth LE, with `out` subscribed, or a card in the field. When it is cancelled, it ends what it began.
     */
    public suspend fun connect(wanted: Wanted): Connected

    /**
     * Looks around for some seconds at most: what is in reach now, and all that was heard of it. A token that several phones are paired
     * with advertises something for each in turn, a second each, and is there once for each: with one of them, it may seem to be another's.
     */
    public suspend fun look(): List<Seen>
}

/** What stands after [Radio.connect]. */
public class Connected(
    /** How bytes are moved: [Packets] or [Card]. */
    public val link: Link,
    /** Where the token is: the device's address, or the reader's name. The same as long as the token stays there. */
    public val place: String,
    /** How many further tokens were there that fit as well. */
    public val others: Int = 0,
)

/** How bytes are moved. */
public sealed interface Link

/** A GATT connection to a token (docs/protocol.md, section 2.1). */
public interface Packets : Link {
    /** The ATT MTU that was agreed on: 23 at least. */
    public val mtu: Int

    /** Reads the characteristic `info`. */
    public suspend fun info(): ByteArray

    /** Writes to `in`, without response; returns when the system has taken it. Never longer than the MTU allows. */
    public suspend fun write(value: ByteArray)

    /** Waits for the next notification of `out`, in order. Asked for one at a time. Fails as soon as the connection is over. */
    public suspend fun notified(): ByteArray

    /** Ends the connection. What waits in [notified] fails then. Called once. */
    public suspend fun disconnect()
}

/** A card in the field of an antenna or in a reader (docs/protocol.md, section 2.2). */
public interface Card : Link {
    /** Whether the reader sends commands of extended length. */
    public val extended: Boolean

    /** Transmits a command and waits for the whole answer, status word at its end. Asked for one at a time. Fails when the card is gone. */
    public suspend fun transceive(command: ByteArray): ByteArray

    /** The card is not needed any more. Called once. */
    public suspend fun release()
}

/** A token in reach, or what may be one. */
public class Seen(
    /** How. */
    public val medium: Medium,
    /** Where: as [Connected.place]. */
    public val place: String,
    /** What it advertises: manufacturer data behind the company. A card advertises nothing. */
    public val advertised: ByteArray? = null,
    /** Strength of its signal, dBm. */
    public val signal: Int? = null,
)

/** Which token a connection is wanted to. Valid until [Radio.connect] returns. Hosts ask, and decide nothing. */
public class Wanted internal constructor(
    private val core: FfiWanted,
) {
    /** How long to search for it before [LinkException.TokenNotFound]. */
    public val patience: Duration = core.patienceMillis().toLong().milliseconds

    /** Whether a token that advertises these bytes may be the one: manufacturer data behind the company (docs/protocol.md, section 2.1). */
    public fun fits(manufacturerData: ByteArray): Fit = core.fits(manufacturerData)

    /** Whether a token at this place comes into question. */
    public fun isAt(place: String): Boolean = core.isAt(place)
}

/** Why there is no connection: thrown by the host. */
public sealed class LinkException(
    message: String,
    cause: Throwable?,
) : Exception(message, cause) {
    /** No token is there. */
    public class TokenNotFound(
        cause: Throwable? = null,
    ) : LinkException("no token is there", cause)

    /** It was there and went away. */
    public class Lost(
        cause: Throwable? = null,
    ) : LinkException("the link is lost", cause)

    /** Bluetooth or NFC is switched off. */
    public class RadioOff(
        cause: Throwable? = null,
    ) : LinkException("the radio is off", cause)

    /** This app may not use it. */
    public class RadioForbidden(
        cause: Throwable? = null,
    ) : LinkException("the radio is forbidden", cause)

    /** There is no reader. */
    public class NoReader(
        cause: Throwable? = null,
    ) : LinkException("no reader is there", cause)
}
