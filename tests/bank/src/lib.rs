//! ushield-bank
