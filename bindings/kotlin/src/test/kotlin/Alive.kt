package ushield

import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.extension.AfterEachCallback
import org.junit.jupiter.api.extension.BeforeEachCallback
import org.junit.jupiter.api.extension.ExtensionContext
import ushield.ffi.FfiConverterTypeBankHttp
import ushield.ffi.FfiConverterTypeCard
import ushield.ffi.FfiConverterTypeClock
import ushield.ffi.FfiConverterTypeKeystore
import ushield.ffi.FfiConverterTypePackets
import ushield.ffi.FfiConverterTypeRadio
import ushield.ffi.liveObjects
import ushield.ffi.uniffiContinuationHandleMap
import ushield.ffi.uniffiForeignFutureHandleCount
import kotlin.time.Duration.Companion.seconds
import kotlin.time.TimeSource

/** What is alive on both sides of the boundary: objects of the core, and the host's that the core holds. */
data class Alive(
    val objects: Long = liveObjects(),
    val calls: Int = uniffiForeignFutureHandleCount(),
    val waiting: Int = uniffiContinuationHandleMap.size,
    val banks: Int = FfiConverterTypeBankHttp.handleMap.size,
    val keystores: Int = FfiConverterTypeKeystore.handleMap.size,
    val clocks: Int = FfiConverterTypeClock.handleMap.size,
    val radios: Int = FfiConverterTypeRadio.handleMap.size,
    val connections: Int = FfiConverterTypePackets.handleMap.size,
    val cards: Int = FfiConverterTypeCard.handleMap.size,
) {
    /** Waits, with a bound, until as much is alive as here. */
    suspend fun again() {
        val start = TimeSource.Monotonic.markNow()
        while (Alive() != this && start.elapsedNow() < BOUND) delay(STEP)
        assertEquals(this, Alive())
    }

    private companion object {
        /** A call that nobody waits for any more is given up 5 s after the end of its connection. */
        val BOUND = 15.seconds
        const val STEP = 20L
    }
}

/** After each test as much is alive as before it. */
class NothingLeft :
    BeforeEachCallback,
    AfterEachCallback {
    private lateinit var before: Alive

    override fun beforeEach(context: ExtensionContext) {
        before = Alive()
    }

    override fun afterEach(context: ExtensionContext) = runBlocking { before.again() }
}
