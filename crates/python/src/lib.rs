//! imfl from Python.
#![forbid(unsafe_code)]
