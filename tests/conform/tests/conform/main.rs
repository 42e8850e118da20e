//! The cases on the reference token, as it is and with bugs in it, under a clock that jumps; and the rules' document.

mod document;
mod support;
mod tokens;
