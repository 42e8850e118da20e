package ushield

import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.cancelChildren
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.launch

/** A customer, as an app asks them. What one of these throws ends the operation, and comes out of [finish]. */
public interface Customer {
    /**
     * Shows a prompt and waits for the PIN, which is overwritten after use. Nothing: the customer gives none, and the operation ends with
     * [Code.INTERRUPTED]. Cancelled when the PIN is not needed any more: take the prompt away then. What is no PIN at all is asked for
     * again, twice.
     */
    public suspend fun pin(
        reason: PinReason,
        text: String,
    ): CharArray?

    /** Shows the six digits and waits for the customer's word: whether the same are on the token's screen. */
    public suspend fun digitsAreEqual(
        digits: String,
        name: String,
        brand: String,
    ): Boolean

    /** Something happened. Returns at once. */
    public fun tell(
        event: Event,
        text: String,
    )
}

/** How often in a row what is no PIN is asked for again. */
private const val MALFORMED = 3

/** Runs an operation with a customer to its end: its result, or [UShieldException]. Cancelling stops it and takes every prompt away. */
public suspend fun <R> Flow<Step<R>>.finish(customer: Customer): R =
    coroutineScope {
        val prompts = HashMap<Int, Job>()
        var done: Step.Done<R>? = null
        collect { step ->
            when (step) {
                is Step.Told -> customer.tell(step.event, step.text)
                is Step.PinAsked -> prompts[step.question] = prompt(step, customer)
                is Step.PinDropped -> prompts.remove(step.question)?.cancel()
                is Step.DigitsShown -> compare(step, customer)
                is Step.Done -> done = step
            }
        }
        currentCoroutineContext().cancelChildren()
        checkNotNull(done) { "an operation without an end" }.result
    }

private fun CoroutineScope.prompt(
    asked: Step.PinAsked,
    customer: Customer,
): Job =
    launch {
        var malformed = 0
        while (true) {
            val pin = customer.pin(asked.reason, asked.text)
            try {
                if (pin == null) asked.refuse() else asked.answer(pin)
                break
            } catch (problem: UShieldException) {
                malformed += 1
                if (problem.code != Code.BAD_PIN_FORMAT || malformed == MALFORMED) throw problem
                // The question is still open.
                customer.tell(Event.Other, problem.what)
            }
        }
    }

private fun CoroutineScope.compare(
    shown: Step.DigitsShown,
    customer: Customer,
): Job =
    launch {
        if (customer.digitsAreEqual(shown.digits, shown.name, shown.brand)) shown.same() else shown.differ()
    }
