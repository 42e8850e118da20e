//! ushield-protocol
