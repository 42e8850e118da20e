//! What differs between pairing by digits and by code, up to P4.

use alloc::vec::Vec;

use ushield_protocol::code::Code;
use ushield_protocol::key::PublicKey;
use ushield_protocol::message::P1_BY_CODE;
use ushield_protocol::noise::{Handshake, Pattern};
use ushield_protocol::pairing_code::PairingCode;
use ushield_protocol::planted::{self, Bug};

/// How the two sides know each other: [`ByDigits`] or [`ByCode`].
pub trait Method: way::Way {}

/// Six digits are compared.
#[derive(Debug)]
pub struct ByDigits(());

/// A code was read from the token's screen. It is used up with P3.
#[derive(Debug)]
pub struct ByCode(PairingCode);

impl ByDigits {
    pub(super) fn new() -> Self {
        Self(())
    }
}

impl ByCode {
    pub(super) fn new(code: PairingCode) -> Self {
        Self(code)
    }
}

impl Method for ByDigits {}
impl Method for ByCode {}

/// Out of reach: the two ways are all there are.
pub(super) mod way {
    use super::{Code, Handshake, Pattern, PublicKey, Vec};

    /// What a way of pairing does on the way to P3.
    pub trait Way {
        /// The handshake's pattern.
        fn pattern(&self) -> Pattern;
        /// The body of P1.
        fn p1(&self, noise: Vec<u8>) -> Vec<u8>;
        /// Looks at the token's static key, before P3.
        fn check(&self, dh: &PublicKey) -> Result<(), Code>;
        /// Gives the handshake what P3 needs.
        fn prepare_p3(&self, handshake: &mut Handshake) -> Result<(), Code>;
    }
}

impl way::Way for ByDigits {
    fn pattern(&self) -> Pattern {
        Pattern::Xx
    }

    fn p1(&self, noise: Vec<u8>) -> Vec<u8> {
        noise
    }

    fn check(&self, _: &PublicKey) -> Result<(), Code> {
        Ok(())
    }

    fn prepare_p3(&self, _: &mut Handshake) -> Result<(), Code> {
        Ok(())
    }
}

impl way::Way for ByCode {
    fn pattern(&self) -> Pattern {
        Pattern::XxPsk3
    }

    fn p1(&self, noise: Vec<u8>) -> Vec<u8> {
        let mut p1 = Vec::from([P1_BY_CODE]);
        p1.extend(noise);
        p1
    }

    fn check(&self, dh: &PublicKey) -> Result<(), Code> {
        if self.0.is_of(dh) || planted::on(Bug::CodeOfAnyToken) { Ok(()) } else { Err(Code::WrongToken) }
    }

    fn prepare_p3(&self, handshake: &mut Handshake) -> Result<(), Code> {
        handshake.set_psk(&self.0.psk())
    }
}
