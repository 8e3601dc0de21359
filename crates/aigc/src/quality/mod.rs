//! Measures of what generated images are worth.
