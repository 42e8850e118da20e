//! What the program `demo` is made of.

pub mod summary;
