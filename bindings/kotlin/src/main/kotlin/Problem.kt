package ushield

import ushield.ffi.Class
import ushield.ffi.Failure
import ushield.ffi.InternalException
import ushield.ffi.Problem as FfiProblem

/** What went wrong, as data. Holds no PIN, key, account or name: it may be logged. */
public data class Problem(
    /** Act on it, or on the class of the exception; never on a text. */
    public val code: Code,
    /** The code's stable number. */
    public val number: Int,
    /** The code's stable name, in kebab case. */
    public val name: String,
    /** Who can change it. */
    public val fault: Fault,
    /** For the customer, in the phone's language: in a few words. */
    public val title: String,
    /** For the customer: what happened. */
    public val what: String,
    /** For the customer: what to do now. */
    public val remedy: String,
    /** Attempts that are left. */
    public val triesLeft: Int?,
    /** What is at fault inside an input or a message, by name. */
    public val place: String?,
    /** The request that is kept although it has no order yet, for [UShield.cancelRequest]; [UShield.resume] goes on with it. */
    public val request: RequestId?,
    /** What the token may have done although the call failed; [what] and [remedy] say so too. */
    public val doubt: Doubt?,
    /** Why, for a log: the nearest cause first, the cause of each behind it. */
    public val causes: List<String>,
    /** What can be done about it. */
    public val kind: Kind,
) {
    /** What can be done about it. */
    public enum class Kind {
        /** The same again may work. */
        RETRYABLE,

        /** It may work later without anyone doing anything. */
        WAIT,

        /** Someone has to do something first. */
        ACTION_NEEDED,

        /** This will not work, however often it is tried. */
        FINAL,
    }

    /** The same as an exception. */
    public fun toException(): UShieldException =
        when (kind) {
            Kind.RETRYABLE -> UShieldException.Retryable(this)
            Kind.WAIT -> UShieldException.Wait(this)
            Kind.ACTION_NEEDED -> UShieldException.ActionNeeded(this)
            Kind.FINAL -> UShieldException.Final(this)
        }
}

/** A call that failed, by what can be done about it. Its message is the code's stable name, and the place: it may be logged. */
public sealed class UShieldException(
    /** All that is known. */
    public val problem: Problem,
) : Exception(listOfNotNull(problem.name, problem.place).joinToString(" at ")) {
    /** The same again may work. */
    public class Retryable internal constructor(
        problem: Problem,
    ) : UShieldException(problem)

    /** It may work later without anyone doing anything. */
    public class Wait internal constructor(
        problem: Problem,
    ) : UShieldException(problem)

    /** Someone has to do something first. */
    public class ActionNeeded internal constructor(
        problem: Problem,
    ) : UShieldException(problem)

    /** This will not work, however often it is tried. */
    public class Final internal constructor(
        problem: Problem,
    ) : UShieldException(problem)

    /** Act on it, or on the class of this exception; never on a text. */
    public val code: Code get() = problem.code

    /** Who can change it. */
    public val fault: Fault get() = problem.fault

    /** For the customer, in the phone's language: in a few words. */
    public val title: String get() = problem.title

    /** For the customer: what happened. */
    public val what: String get() = problem.what

    /** For the customer: what to do now. */
    public val remedy: String get() = problem.remedy

    /** Attempts that are left. */
    public val triesLeft: Int? get() = problem.triesLeft

    /** What is at fault inside an input or a message, by name. */
    public val place: String? get() = problem.place

    /** Why, for a log: the nearest cause first, the cause of each behind it. */
    public val causes: List<String> get() = problem.causes
}

internal fun FfiProblem.lift() =
    Problem(
        code = code,
        number = number.toInt(),
        name = name,
        fault = fault,
        title = title,
        what = what,
        remedy = remedy,
        triesLeft = triesLeft?.toInt(),
        place = place,
        request = request?.let(::RequestId),
        doubt = doubt,
        causes = causes,
        kind =
            when (`class`) {
                Class.RETRY -> Problem.Kind.RETRYABLE
                Class.WAIT -> Problem.Kind.WAIT
                Class.ACT -> Problem.Kind.ACTION_NEEDED
                Class.TERMINAL -> Problem.Kind.FINAL
            },
    )

private fun Failure.problem() =
    when (this) {
        is Failure.Retry -> problem
        is Failure.Wait -> problem
        is Failure.Act -> problem
        is Failure.Terminal -> problem
    }

/** A call of the core, with exceptions of this package. */
internal inline fun <T> calling(call: () -> T): T =
    try {
        call()
    } catch (failure: Failure) {
        throw lifted(failure)
    } catch (_: InternalException) {
        throw defect()
    }

/** What the core says of itself when it panics may hold anything, and is not passed on. */
internal fun defect(): Exception = IllegalStateException("a defect of the core")

/** Out of line: the code that throws is not copied into every caller. */
internal fun lifted(failure: Failure): UShieldException = failure.problem().lift().toException()
