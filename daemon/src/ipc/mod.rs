//! The door: listens, finds out who is there before the first request is parsed, and bounds what a caller can hold.
