//! Writes the Kotlin and Python of `bindings/uniffi`, from the library itself: `ushield-bindgen generate LIBRARY --language kotlin --out-dir DIR`.

fn main() {
    uniffi::uniffi_bindgen_main();
}
