//! What is read out of the library of `bindings/uniffi`: its Kotlin and Python, and its interface in lines. A tool for builds and tests.

pub mod api;
