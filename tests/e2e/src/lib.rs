//! ushield-e2e
