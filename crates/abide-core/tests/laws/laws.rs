//! The laws, in the order of the design.

use proptest::prelude::*;

use crate::cases;
use crate::scene;

proptest! {
    #![proptest_config(cases(10_000))]

    #[test]
    fn every_call_ends_once_and_nothing_is_left(story in scene::story()) {
        story.play();
    }
}
