//! ushield-token
