//! ushield-links
