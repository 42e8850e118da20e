//! The floors, read from the document in which they were computed by hand.

const DOCUMENT: &str = include_str!("../../../docs/link-cost.md");

/// Of Bluetooth LE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BleFloor {
    /// ATT MTU.
    pub mtu: u16,
    /// Data of a link-layer PDU.
    pub pdu: usize,
    /// Microseconds between two events.
    pub interval: u64,
    /// Microseconds of a transfer.
    pub time: u64,
}

/// Of NFC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NfcFloor {
    /// 1, 2, 4 or 8 times 106 kbit/s.
    pub times: u64,
    /// The phone's microseconds for each block that it sends.
    pub host: u64,
    /// Microseconds of a transfer.
    pub time: u64,
}

/// The rows behind this head of a table, cell by cell.
fn table(head: &str) -> Vec<Vec<&'static str>> {
    let rows = DOCUMENT.lines().skip_while(|line| *line != head).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let rows: Vec<Vec<&str>> =
        rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect();
    assert!(!rows.is_empty(), "no table under {head}");
    rows
}

/// Microseconds of a figure in milliseconds.
fn micros(cell: &str) -> u64 {
    let (whole, part) = cell.split_once('.').unwrap_or((cell, ""));
    format!("{whole}{part:0<3}").parse().expect("milliseconds with three places at most")
}

/// The bodies that they were computed from: hello, K1, K2, T1, shown, T2.
#[must_use]
pub fn bodies() -> Vec<usize> {
    let row = table("| body | hello | K1 | K2 | T1 | shown | T2 |").remove(0);
    row[1..].iter().map(|cell| cell.parse().expect("bytes")).collect()
}

/// All of Bluetooth LE.
#[must_use]
pub fn ble_floors() -> Vec<BleFloor> {
    let mut floors = Vec::new();
    for row in table("| MTU | PDU | intervals | 7.5 ms | 15 ms | 30 ms |") {
        let (mtu, pdu) = (row[0].parse().expect("an MTU"), row[1].parse().expect("bytes"));
        for (interval, cell) in [7_500, 15_000, 30_000].into_iter().zip(&row[3..]) {
            floors.push(BleFloor { mtu, pdu, interval, time: micros(cell) });
        }
    }
    floors
}

/// All of NFC.
#[must_use]
pub fn nfc_floors() -> Vec<NfcFloor> {
    let mut floors = Vec::new();
    for (row, host) in table("| kbit/s | 106 | 212 | 424 | 848 |").iter().zip([0, 2_000]) {
        for (times, cell) in [1, 2, 4, 8].into_iter().zip(&row[1..]) {
            floors.push(NfcFloor { times, host, time: micros(cell) });
        }
    }
    floors
}
