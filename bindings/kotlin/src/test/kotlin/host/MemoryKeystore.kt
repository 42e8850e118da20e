package ushield.host

/** The document's key store, and what a test wants to know of it. */
class MemoryKeystore : DeskKeystore() {
    /** Names of the keys that are there. */
    val names: Set<String> get() = keys.keys.toSet()

    /** The secret numbers, for a test that looks for them where they must not be. */
    internal val secrets: List<ByteArray> get() = keys.values.map { it.private.encoded } + listOf(sealing)
}
