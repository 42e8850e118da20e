package ushield

import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlin.time.Duration.Companion.ZERO
import ushield.ffi.BankException as FfiBankException
import ushield.ffi.BankHttp as FfiBankHttp
import ushield.ffi.Clock as FfiClock
import ushield.ffi.ClockException as FfiClockException
import ushield.ffi.HttpRequest as FfiHttpRequest
import ushield.ffi.HttpResponse as FfiHttpResponse
import ushield.ffi.Keystore as FfiKeystore
import ushield.ffi.KeystoreException as FfiKeystoreException

private fun bankError(thrown: Throwable): Exception =
    when (thrown) {
        is BankException.Unreachable -> FfiBankException.Unreachable(because(thrown))
        is BankException.Untrusted -> FfiBankException.Untrusted(because(thrown))
        else -> FfiBankException.Unexpected(type(thrown))
    }

private fun keystoreError(thrown: Throwable): Exception =
    when (thrown) {
        is KeystoreException -> FfiKeystoreException.Refused(because(thrown))
        else -> FfiKeystoreException.Unexpected(type(thrown))
    }

internal class BankAdapter(
    private val host: BankHttp,
) : FfiBankHttp {
    override suspend fun call(request: FfiHttpRequest): FfiHttpResponse =
        try {
            asking(::bankError) {
                val headers = request.headers.map { HttpHeader(it.name, it.value) }
                val response = host.call(HttpRequest(request.method, request.path, headers, request.body))
                val status = response.status.coerceIn(0, UShort.MAX_VALUE.toInt()).toUShort()
                FfiHttpResponse(status, response.contentType?.whole("contentType"), response.body)
            }
        } finally {
            request.body.fill(0)
            request.headers.forEach { it.value.fill(0) }
        }
}

/** A secret that came when nobody waits for it any more goes no further: nobody would wipe it there. The array is the host's. */
private suspend fun wanted(secret: ByteArray): ByteArray {
    currentCoroutineContext().ensureActive()
    return secret
}

internal class KeystoreAdapter(
    private val host: Keystore,
) : FfiKeystore {
    override suspend fun createDh(name: String): ByteArray = asking(::keystoreError) { host.createDh(name) }

    override suspend fun agree(
        name: String,
        point: ByteArray,
    ): ByteArray = asking(::keystoreError) { wanted(host.agree(name, point)) }

    override suspend fun sealingKey(): ByteArray = asking(::keystoreError) { wanted(host.sealingKey()) }
}

internal class ClockAdapter(
    private val host: Clock,
) : FfiClock {
    override fun unixSeconds(): ULong =
        telling {
            host
                .now()
                .epochSecond
                .coerceAtLeast(0)
                .toULong()
        }

    override fun elapsedMillis(): ULong =
        telling {
            host
                .elapsed()
                .coerceAtLeast(ZERO)
                .inWholeMilliseconds
                .toULong()
        }

    @Suppress("TooGenericExceptionCaught")
    private inline fun <T> telling(host: () -> T): T =
        try {
            host()
        } catch (thrown: Throwable) {
            throw FfiClockException.Unexpected(type(thrown))
        }
}
