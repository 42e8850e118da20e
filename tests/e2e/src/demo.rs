//! What the program `demo` is made of.

pub mod draw;
pub mod failure;
pub mod programs;
pub mod story;
pub mod summary;
pub mod token_face;
pub mod typist;
