//! Guides: how to use this crate, one subject at a time. Everything in them is compiled and run.
//!
//! | guide | for whom |
//! |---|---|
//! | [`first_network`] | who has a table of numbers and wants a prediction |
//! | [`training_well`] | whose network trains, but not well enough |
//! | [`determinism`] | who needs the same result tomorrow and elsewhere |
//! | [`threads`] | who has several cores, or threads of their own |
//! | [`performance`] | who counts microseconds, and doubts our numbers |
//! | [`from_pytorch`] | who knows the names of PyTorch |

#[doc = include_str!("first_network.md")]
pub mod first_network {}

#[doc = include_str!("training_well.md")]
pub mod training_well {}

#[doc = include_str!("determinism.md")]
pub mod determinism {}

#[doc = include_str!("threads.md")]
pub mod threads {}

#[doc = include_str!("performance.md")]
pub mod performance {}

#[doc = include_str!("from_pytorch.md")]
pub mod from_pytorch {}
