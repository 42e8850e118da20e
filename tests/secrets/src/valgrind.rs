//! What a program says to valgrind: these bytes are secret. Outside valgrind nothing happens.
#![allow(
    unsafe_code,
    reason = "valgrind is spoken to by an instruction sequence that is otherwise without effect"
)]

use core::arch::asm;

const RUNNING: usize = 0x1001;
const COUNT_ERRORS: usize = 0x1201;
const MAKE_UNDEFINED: usize = 0x4d43_0001;
const MAKE_DEFINED: usize = 0x4d43_0002;

/// A client request (valgrind.h): valgrind knows the sequence, a processor comes out as it went in.
fn request(number: usize, first: usize, second: usize) -> usize {
    let arguments = [number, first, second, 0, 0, 0];
    let result: usize;
    // SAFETY: the sequence rotates a register by 128 in all and exchanges one with itself: no processor state changes but the
    // flags, which asm blocks may clobber. Under valgrind it reads `arguments`, which live until it is over, and writes `result`.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") arguments.as_ptr(),
            inout("rdx") 0usize => result,
        );
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!(
            "ror x12, x12, #3",
            "ror x12, x12, #13",
            "ror x12, x12, #51",
            "ror x12, x12, #61",
            "orr x10, x10, x10",
            in("x4") arguments.as_ptr(),
            inout("x3") 0usize => result,
        );
    }
    result
}

/// Whether this program runs under valgrind.
#[must_use]
pub fn is_here() -> bool {
    request(RUNNING, 0, 0) != 0
}

/// Errors so far.
#[must_use]
pub fn errors() -> usize {
    request(COUNT_ERRORS, 0, 0)
}

/// From now on whoever decides by these bytes makes an error. They are lent mutably or shared: not one of them changes.
pub fn poison(secret: &[u8]) {
    request(MAKE_UNDEFINED, secret.as_ptr().expose_provenance(), secret.len());
}

/// A value that is no secret any more: an outcome that everybody sees.
#[must_use]
#[inline(never)]
pub fn publish<T: Copy>(mut outcome: T) -> T {
    request(MAKE_DEFINED, core::ptr::from_mut(&mut outcome).expose_provenance(), size_of::<T>());
    core::hint::black_box(outcome)
}

/// Bytes that are no secret any more.
pub fn publish_bytes(bytes: &[u8]) {
    request(MAKE_DEFINED, bytes.as_ptr().expose_provenance(), bytes.len());
}
