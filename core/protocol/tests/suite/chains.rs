//! Chains that a maker's CA could sign by mistake, and requests for something else than was attested.

use ushield_protocol::code::Code;
use ushield_protocol::csr;
use ushield_protocol::device::{DeviceIdentity, MakerRoot};
use ushield_protocol::key::{DeviceId, SigningKey};
use ushield_protocol::message::Role;

use crate::support::{Both, bytes, file, list, text};

#[test]
fn a_chain_of_another_form_names_no_device() {
    let vectors: serde_json::Value =
        serde_json::from_str(&file("tests/vectors/forged-chains-2026-11-22.json")).unwrap();
    let root = [MakerRoot::from_der(&bytes(&vectors["root"])).unwrap()];
    let verify = |chain: &serde_json::Value| {
        let chain: Vec<Vec<u8>> = list(chain).iter().map(bytes).collect();
        DeviceIdentity::verify(&chain, &root, None, &Both)
    };
    let good = verify(&vectors["good"]).unwrap();
    assert_eq!(good.device, DeviceId::from([0xab; 16]));
    for forged in list(&vectors["forged"]) {
        let refused = verify(&forged["chain"]).map(|_| ()).map_err(|refusal| refusal.code);
        assert_eq!(refused, Err(Code::UntrustedMaker), "{}", text(&forged["name"]));
    }
    assert_eq!(list(&vectors["forged"]).len(), 12);
}

#[test]
fn a_request_is_for_its_device_and_role_alone() {
    let key = SigningKey::from_bytes(&[7; 32]).unwrap();
    let (device, other) = (DeviceId::from([1; 16]), DeviceId::from([2; 16]));
    let request = csr::make(&device, Role::Pay, &key).unwrap();
    assert!(csr::is_for(&request, &device, Role::Pay));
    assert!(!csr::is_for(&request, &other, Role::Pay));
    assert!(!csr::is_for(&request, &device, Role::Login));
}
