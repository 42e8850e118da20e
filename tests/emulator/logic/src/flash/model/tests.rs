use super::*;

fn word(flash: &Model, at: usize) -> u32 {
    let mut out = [0; 4];
    flash.read(at, &mut out);
    u32::from_le_bytes(out)
}

#[test]
fn bits_only_fall_until_the_page_is_erased() {
    let mut flash = Model::erased(2);
    flash.program(8, 0x00ff_00ff).unwrap();
    flash.program(8, 0x000f_00ff).unwrap();
    assert_eq!(flash.program(8, 0x00ff_00ff), Err(FlashFault::Programmed));
    assert_eq!(flash.program(6, 0), Err(FlashFault::Address));
    assert_eq!(flash.program(2 * PAGE, 0), Err(FlashFault::Address));
    assert_eq!(flash.erase(2), Err(FlashFault::Address));
    assert_eq!(word(&flash, 8), 0x000f_00ff);
    flash.erase(0).unwrap();
    assert_eq!(word(&flash, 8), u32::MAX);
    assert_eq!(flash.operations(), 3);
}

#[test]
fn a_cut_tears_one_word_and_then_nothing_changes() {
    let mut flash = Model::erased(1);
    flash.cut(Cut { at: 1, bits: 0x0f0f_0f0f });
    flash.program(0, 0).unwrap();
    assert_eq!(flash.program(4, 0), Err(FlashFault::PowerLost));
    assert_eq!(word(&flash, 4), 0xf0f0_f0f0);
    assert_eq!(flash.program(8, 0), Err(FlashFault::PowerLost));
    assert_eq!(flash.erase(0), Err(FlashFault::PowerLost));
    assert_eq!(word(&flash, 8), u32::MAX);
    flash.reboot();
    flash.program(8, 0).unwrap();
}

#[test]
fn a_torn_erase_leaves_a_mixture() {
    let mut flash = Model::erased(1);
    for at in (0..PAGE).step_by(WORD) {
        flash.program(at, 0).unwrap();
    }
    flash.cut(Cut { at: 0, bits: 0x1234_5678 });
    assert_eq!(flash.erase(0), Err(FlashFault::PowerLost));
    assert_eq!(word(&flash, 0), 0x1234_5678);
    assert_ne!(word(&flash, 4), word(&flash, 8));
    assert!((0..PAGE).step_by(WORD).any(|at| word(&flash, at) != u32::MAX));
}
