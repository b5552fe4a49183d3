//! What a user may state about an API, as checked types.

mod spec;

pub use spec::{LimitSpec, LimitSpecs, SpecError, Unit, WindowKind};
