//! Nothing of a secret is left in the process's memory once it was dropped: after success, errors and panics.

use std::io::Write as _;
use std::process::{Command, Stdio};

use ushield_protocol::key::{sha256, unhex};
use ushield_protocol::mac::hmac_sha256;
use ushield_protocol::noise::DhSecret;
use ushield_secrets::scene::Secrets;

/// What a case said of one canary in one phase.
struct Line {
    phase: String,
    canary: String,
    heap: usize,
    dead_stack: usize,
    stack: usize,
    bytes: usize,
}

/// The scene's secrets, and those that a handshake makes of them.
fn secrets() -> Secrets {
    let mut secrets = Secrets::of(20_261_122);
    for name in ["seed-phone", "seed-token", "k-hint", "k-adv"] {
        secrets.learn(name, sha256(&[b"memory", name.as_bytes()]).as_bytes());
    }
    let key =
        |name: &str| DhSecret::from_bytes(secrets.get(name).reveal().as_slice().try_into().unwrap()).unwrap();
    let ephemeral =
        |seed: &str| *sha256(&[b"USHIELD-DRBG", &secrets.get(seed).reveal(), &1u64.to_be_bytes()]).as_bytes();
    let (phone, token) = (key("phone-dh"), key("token-dh"));
    let (e1, e2) = (ephemeral("seed-phone"), ephemeral("seed-token"));
    let agree = |a: &DhSecret, b: &DhSecret| *a.agree(&b.public_key()).unwrap().expose();
    let (k1, k2) = (DhSecret::from_bytes(&e1).unwrap(), DhSecret::from_bytes(&e2).unwrap());
    // Noise, sections 4.3 and 5: what KK mixes into the chaining key, in its order.
    let agreed = [
        ("es", agree(&k1, &token)),
        ("ss", agree(&phone, &token)),
        ("ee", agree(&k1, &k2)),
        ("se", agree(&phone, &k2)),
    ];
    let hkdf = |chaining: &[u8; 32], input: &[u8]| {
        let key = hmac_sha256(chaining, &[input]);
        let first = hmac_sha256(&key, &[&[1]]);
        (first, hmac_sha256(&key, &[&first, &[2]]))
    };
    let mut chaining = [0; 32];
    chaining[..27].copy_from_slice(b"Noise_KK_P256_AESGCM_SHA256");
    for (name, shared) in agreed {
        chaining = hkdf(&chaining, &shared).0;
        secrets.learn(name, &shared);
    }
    let (to_token, to_phone) = hkdf(&chaining, &[]);
    for (name, secret) in [
        ("ephemeral-phone", e1),
        ("ephemeral-token", e2),
        ("chaining-key", chaining),
        ("channel-to-token", to_token),
        ("channel-to-phone", to_phone),
    ] {
        secrets.learn(name, &secret);
    }
    // Scalars lie in memory as p256 computes with them: in limbs, the lowest byte first, plain or in Montgomery's form.
    for name in ["phone-dh", "token-dh", "token-device", "ephemeral-phone", "ephemeral-token"] {
        let mut scalar = secrets.get(name).reveal();
        scalar.reverse();
        secrets.learn(&format!("{name}-limbs"), &scalar);
        scalar.reverse();
        let mut scalar = montgomery(scalar.as_slice().try_into().unwrap());
        scalar.reverse();
        secrets.learn(&format!("{name}-montgomery"), &scalar);
    }
    secrets
}

/// `scalar * 2^256` modulo the order of P-256 (FIPS 186-5).
fn montgomery(mut scalar: [u8; 32]) -> [u8; 32] {
    let order = unhex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").unwrap();
    for _ in 0..256 {
        let high = scalar[0] >> 7;
        for at in 0..32 {
            scalar[at] = scalar[at] << 1 | scalar.get(at + 1).map_or(0, |next| next >> 7);
        }
        if high == 1 || scalar.as_slice() >= order.as_slice() {
            let mut borrow = 0i16;
            for at in (0..32).rev() {
                let difference = i16::from(scalar[at]) - i16::from(order[at]) - borrow;
                borrow = i16::from(difference < 0);
                scalar[at] = difference.rem_euclid(256) as u8;
            }
        }
    }
    scalar
}

fn case(name: &str, secrets: &str) -> Vec<Line> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_memory_case"))
        .arg(name)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(secrets.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{name}: {}", output.status);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            let number = |at: usize| words[at].parse().unwrap();
            Line {
                phase: words[0].to_owned(),
                canary: words[1].to_owned(),
                heap: number(2),
                dead_stack: number(3),
                stack: number(4),
                bytes: number(5),
            }
        })
        .collect()
}

/// In which phase what must be there: that a search finds it where it is.
fn must_be_found(case: &str, line: &Line) -> bool {
    let is = |names: &[&str]| names.contains(&line.canary.as_str());
    match (case, line.phase.as_str()) {
        ("control", "control") => is(&["pin", "token-dh"]),
        ("control", "control-kept") => is(&["pin", "token-dh", "session"]),
        ("control", "control-panic") => is(&["password"]),
        (_, "alive") => is(&[
            "pin",
            "password",
            "session",
            "sealing-key",
            "token-dh-limbs",
            "token-device-limbs",
            "k-hint",
            "k-adv",
            "seed-phone",
        ]),
        (_, "alive-channel") => is(&["channel-to-token", "channel-to-phone"]),
        (_, "alive-pin") => is(&["pin"]) || in_use(case, line),
        (_, phase) if phase.starts_with("living") => in_use(case, line),
        _ => false,
    }
}

/// What a living phone and token hold: keys of the pairing and of the key store.
fn in_use(_: &str, line: &Line) -> bool {
    ["sealing-key", "phone-dh-limbs", "token-dh", "token-device", "k-hint", "k-adv"]
        .contains(&line.canary.as_str())
}

/// What may be there although nothing asks for it.
fn may_be_found(case: &str, line: &Line) -> bool {
    // A handshake's channel keys live while the channel does. The control leaves what it leaves.
    (case == "handshake" && line.phase == "after-sealed" && line.canary.starts_with("channel-"))
        || case == "control"
        // A JSON reader unescapes into a buffer of its own that is not wiped; no honest bank escapes a session's token. Counted and printed.
        || (case == "json" && line.phase.starts_with("known-"))
}

#[test]
#[cfg_attr(
    not(target_os = "linux"),
    ignore = "NOT TESTED HERE: a process reads its own memory through /proc/self/mem, on Linux alone"
)]
fn nothing_is_left() {
    let secrets = secrets().lines();
    let cases = [
        "control",
        "types",
        "types-error",
        "types-panic",
        "json",
        "handshake",
        "handshake-error",
        "handshake-panic",
        "client",
        "client-error",
        "client-panic",
        "client-cancel",
    ];
    let (mut searched, mut wrong, mut dead) = (0usize, Vec::new(), 0usize);
    for name in cases {
        let lines = case(name, &secrets);
        assert!(!lines.is_empty(), "{name}");
        let (mut found, mut left) = (0, 0);
        for line in &lines {
            let there = line.heap + line.stack;
            let said =
                || format!("{name} {}: {} heap {} stack {}", line.phase, line.canary, line.heap, line.stack);
            if must_be_found(name, line) {
                found += there;
                if there == 0 {
                    wrong.push(said() + ", must be there");
                }
            } else if may_be_found(name, line) {
                if name == "json" && there > 0 {
                    println!("    known: {}", said());
                }
            } else {
                left += there;
                dead += line.dead_stack;
                if there > 0 {
                    wrong.push(said());
                }
                if line.dead_stack > 0 {
                    println!("    dead stack: {name} {}: {} {}", line.phase, line.canary, line.dead_stack);
                }
            }
        }
        let bytes: usize = lines.iter().map(|line| line.bytes).max().unwrap_or(0);
        searched += bytes;
        println!(
            "{name}: {} looks, {found} found where they are, {left} residues, {bytes} bytes a search",
            lines.len()
        );
    }
    println!("{} cases, {searched} bytes, {} residues, {dead} on the dead stack", cases.len(), wrong.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}
