package ushield

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.File
import java.lang.reflect.Modifier

/** What an app sees of this library. */
class SurfaceTest {
    private val classes =
        File("target/classes/ushield")
            .listFiles { file -> file.name.endsWith(".class") }!!
            .map { Class.forName("ushield.${it.name.removeSuffix(".class")}") }

    @Test
    fun `no generated type leaks but enumerations that read well`() {
        val leaking =
            classes
                .filter { Modifier.isPublic(it.modifiers) }
                .flatMap { type -> type.methods.asList() + type.constructors }
                .filter { it.declaringClass.name.startsWith("ushield.") && !it.isSynthetic && '$' !in it.name }
                .filter { Modifier.isPublic(it.declaringClass.modifiers) && it.declaringClass.isVisible() }
                .flatMap { call ->
                    call.parameterTypes.map { it to call } +
                        ((call as? java.lang.reflect.Method)?.let { listOf(it.returnType to it) } ?: emptyList())
                }.filter { (type, call) -> type.name.startsWith("ushield.ffi.") && !type.isEnum && !call.isInternal() }
        assertEquals(emptyList<Any>(), leaking.map { (type, call) -> "${type.simpleName} in $call" })
    }

    /** Internal classes are public to Java. */
    private fun Class<*>.isVisible() = simpleName !in listOf("Running") && !simpleName.endsWith("Adapter") && !simpleName.endsWith("Kt")

    /** Internal constructors are public to Java: these take what only the core makes. */
    private fun java.lang.reflect.Executable.isInternal() = this is java.lang.reflect.Constructor<*>

    @Test
    fun `a file has three hundred lines at most`() {
        val files = File("src").walk().filter { it.extension == "kt" }.toList()
        assertTrue(files.size > 20)
        assertEquals(emptyList<File>(), files.filter { it.readLines().size > 300 })
    }
}
