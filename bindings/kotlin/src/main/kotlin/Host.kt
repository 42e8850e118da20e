package ushield

import java.time.Instant
import kotlin.time.Duration

/**
 * The way to the one bank that this client knows. Implemented by the host.
 *
 * Verify the bank's certificate against the bank's own CA, follow no redirect, use no cache, log no header and no body, and never repeat a
 * request: the core does that where it may. What it throws, other than a [BankException], counts as [BankException.Unreachable].
 */
public fun interface BankHttp {
    /** Sends a request once and waits for the whole response, of any status. */
    public suspend fun call(request: HttpRequest): HttpResponse
}

/** A request. Its headers and its body hold secrets; they are overwritten when [BankHttp.call] is over. */
public class HttpRequest internal constructor(
    /** What to do. */
    public val method: HttpMethod,
    /** Path and query, from the first `/`, to be put behind `https://host:port`. */
    public val path: String,
    /** All headers that matter; a host adds its own `Host` and `Content-Length`. */
    public val headers: List<HttpHeader>,
    /** The body; nothing with `GET`. */
    public val body: ByteArray,
) {
    override fun toString(): String = "HttpRequest($method)"
}

/** A header. In bytes, since one of them is a secret. */
public class HttpHeader internal constructor(
    /** Its name. */
    public val name: String,
    /** Its value, ASCII. */
    public val value: ByteArray,
) {
    override fun toString(): String = "HttpHeader($name)"
}

/** A response. */
public class HttpResponse(
    /** The status. */
    public val status: Int,
    /** The header `Content-Type`, as it came. */
    public val contentType: String?,
    /** The body. */
    public val body: ByteArray,
) {
    override fun toString(): String = "HttpResponse($status)"
}

/** Why there is no response: thrown by the host. */
public sealed class BankException(
    message: String,
    cause: Throwable?,
) : Exception(message, cause) {
    /** None was received; whether the bank acted is unknown. */
    public class Unreachable(
        cause: Throwable? = null,
    ) : BankException("the bank cannot be reached", cause)

    /** The other end is not the bank: its certificate is not by the bank's CA. */
    public class Untrusted(
        cause: Throwable? = null,
    ) : BankException("the other end is not the bank", cause)
}

/**
 * Keys that never leave the phone's secure hardware: StrongBox, or what stands for it. Named by the core; durable when a call returns.
 * Implemented by the host. What it throws counts as a refusal.
 */
public interface Keystore {
    /** The public key of the P-256 key [name] for key agreement, made if it is not there yet: SEC 1, compressed or not (33 or 65 bytes). */
    public suspend fun createDh(name: String): ByteArray

    /**
     * What the key [name] and [point] (SEC 1, uncompressed, 65 bytes) agree on: the x-coordinate, 32 bytes (ECDH without a key
     * derivation). The array stays the host's, which overwrites it when it likes.
     */
    public suspend fun agree(
        name: String,
        point: ByteArray,
    ): ByteArray

    /**
     * 32 random bytes, made at first and the same for ever: they seal the store. A host keeps them under a key of its hardware's. The array
     * stays the host's.
     */
    public suspend fun sealingKey(): ByteArray
}

/** The system refused, the customer did not unlock, there is no such key: thrown by the host. */
public class KeystoreException(
    cause: Throwable? = null,
) : Exception("the key store refused", cause)

/** The phone's clocks. Both answer at once. Implemented by the host; where it throws, the system's clock is taken. */
public interface Clock {
    /** The wall clock. May jump. */
    public fun now(): Instant

    /** A clock that never goes back, starts anywhere and goes on while the phone sleeps: `SystemClock.elapsedRealtime`. */
    public fun elapsed(): Duration
}
