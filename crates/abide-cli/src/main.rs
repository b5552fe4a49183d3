//! x
#[allow(dead_code)]
mod pull;
fn main() {}
