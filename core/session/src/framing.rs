//! Messages over Bluetooth LE ([`fragments`]) and over NFC and USB ([`card`]): the phone's side (protocol.md, sections 2.1 and 2.2).

pub mod card;
pub mod fragments;
