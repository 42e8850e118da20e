package ushield

import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.FlowCollector
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeoutOrNull
import ushield.ffi.Ending
import java.util.concurrent.ConcurrentHashMap
import kotlin.time.Duration.Companion.seconds
import ushield.ffi.Operation as FfiOperation
import ushield.ffi.Step as FfiStep

/**
 * Something that takes a person's time: a pairing, an order. Cold: it begins when it is collected, and again with every collector.
 *
 * Its last step is [Step.Done]; a failure is thrown as [UShieldException]. Who cancels the collector stops it, and it is over when the
 * collector is. What was promised stays promised: an order that is stopped is gone on with by [UShield.resume].
 */
public class Operation<out R> internal constructor(
    private val begin: () -> FfiOperation,
    private val result: (Ending) -> R,
) : Flow<Step<R>> {
    private val all: MutableSet<Running> = ConcurrentHashMap.newKeySet()

    private val steps =
        flow {
            val running = Running(calling(begin))
            all += running
            try {
                while (true) {
                    val steps = calling { running.next() }
                    if (steps.isEmpty()) break
                    for (step in steps) emit(step.lift(running))
                }
            } finally {
                all -= running
                running.end()
            }
        }

    override suspend fun collect(collector: FlowCollector<Step<R>>): Unit = steps.collect(collector)

    /**
     * The customer wants to take the order back that runs: it is cancelled here, at the token and at the bank, and the receipt says how it
     * really ended. Collect on: that receipt is the last step. An operation that runs no order does not heed it. False when it does not
     * run.
     */
    public fun cancelOrder(): Boolean = all.toList().map { it.cancelOrder() }.any { it }

    private fun FfiStep.lift(running: Running): Step<R> =
        when (this) {
            is FfiStep.Told -> Step.Told(event.lift(), text)
            is FfiStep.PinAsked -> Step.PinAsked(running, prompt.toInt(), reason.lift(), text)
            is FfiStep.PinDropped -> Step.PinDropped(prompt.toInt())
            is FfiStep.DigitsShown -> Step.DigitsShown(running, digits, name, brand)
            is FfiStep.Ended -> Step.Done(result(ending))
            is FfiStep.Failed -> throw problem.lift().toException()
        }
}

/** An operation that runs. After its end it answers nothing. */
internal class Running(
    private val core: FfiOperation,
) {
    private val lock = Any()
    private var over = false

    suspend fun next(): List<FfiStep> = core.next()

    fun answerPin(
        question: Int,
        pin: ByteArray,
    ): Boolean = ifOpen { core.answerPin(question.toUInt(), pin) }

    fun refusePin(question: Int): Boolean = ifOpen { core.refusePin(question.toUInt()) }

    fun answerDigits(equal: Boolean): Boolean = ifOpen { core.answerDigits(equal) }

    fun cancelOrder(): Boolean =
        ifOpen {
            core.cancelOrder()
            true
        }

    private inline fun ifOpen(call: () -> Boolean): Boolean = synchronized(lock) { !over && calling(call) }

    /** Stops it, waits until it is over, and frees it. */
    suspend fun end() {
        core.stop()
        withContext(NonCancellable) {
            withTimeoutOrNull(END) {
                do {
                    val left = core.next()
                } while (left.isNotEmpty())
            }
        }
        synchronized(lock) { over = true }
        core.close()
    }

    private companion object {
        /** How long it may take to stop. */
        val END = 5.seconds
    }
}
