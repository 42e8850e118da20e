//! Shows that protocol, session and the token's logic need no `std`: a library with a panic handler of its own links all three.
//! Must not be shipped.
#![no_std]

extern crate alloc;
#[cfg(feature = "planted-std")]
extern crate std;

use core::alloc::{GlobalAlloc, Layout};
use core::panic::PanicInfo;

struct NoMemory;

// SAFETY: it never hands out memory.
unsafe impl GlobalAlloc for NoMemory {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        core::ptr::null_mut()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ALLOCATOR: NoMemory = NoMemory;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}

/// Reaches into all three, so that the linker has to keep them.
#[unsafe(no_mangle)]
pub extern "C" fn ushield_nostd(byte: u8) -> usize {
    let bytes = [byte; 64];
    let order = ushield_protocol::order::Order::receive(&bytes).is_ok();
    let life = ushield_session::order_life::OrderLife::decode(&bytes).is_ok();
    usize::from(order) + usize::from(life) + token::reach(byte)
}

mod token {
    use ushield_token::flash::{Flash, FlashFault};
    use ushield_token::{Entropy, EntropyFault, Millis, Screen, ScreenFault, Symbol, Token};

    struct Board;

    impl Screen for Board {
        fn draw(&mut self, _: &str) -> Result<(), ScreenFault> {
            Ok(())
        }
        fn draw_code(&mut self, _: &str, _: &Symbol) -> Result<(), ScreenFault> {
            Ok(())
        }
    }

    impl Entropy for Board {
        fn fill(&mut self, _: &mut [u8]) -> Result<(), EntropyFault> {
            Err(EntropyFault)
        }
    }

    impl Flash for Board {
        fn pages(&self) -> usize {
            0
        }

        fn read(&self, _: usize, out: &mut [u8]) {
            out.fill(0xff);
        }

        fn program(&mut self, _: usize, _: u32) -> Result<(), FlashFault> {
            Err(FlashFault::Failed)
        }

        fn erase(&mut self, _: usize) -> Result<(), FlashFault> {
            Err(FlashFault::Failed)
        }
    }

    pub fn reach(byte: u8) -> usize {
        match Token::boot(Board, Millis(u64::from(byte))) {
            Ok(mut token) => {
                token.receive(byte, &[byte], Millis(1));
                usize::from(token.poll().is_some())
            }
            Err(_) => 0,
        }
    }
}
