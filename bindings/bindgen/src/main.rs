//! `ushield-bindgen generate LIBRARY --language kotlin|python --out-dir DIR` writes what calls a library; `ushield-bindgen api LIBRARY` prints its interface.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [command, library] = arguments.as_slice() else {
        uniffi::uniffi_bindgen_main();
        return ExitCode::SUCCESS;
    };
    if command != "api" {
        uniffi::uniffi_bindgen_main();
        return ExitCode::SUCCESS;
    }
    let read = std::fs::read(library).map_err(|error| error.to_string());
    match read.and_then(|bytes| ushield_bindgen::api::describe(&bytes)) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{library}: {error}");
            ExitCode::FAILURE
        }
    }
}
