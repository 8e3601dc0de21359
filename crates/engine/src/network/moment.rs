/// A client at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moment {
    /// Whether it can be reached.
    pub there: bool,
    /// Until when that holds.
    pub until: f64,
}
