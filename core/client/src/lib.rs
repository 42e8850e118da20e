//! ushield-client
