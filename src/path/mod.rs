//! Certification paths ([RFC 5280 §6](https://www.rfc-editor.org/rfc/rfc5280#section-6)): whether a
//! certificate is valid for this name and purpose, at this time, under these anchors; and if not,
//! which certificate breaks which rule.
//!
//! ```text
//! Candidates + Requirements ─► pool ─► building ─► validation ─► Judgement
//!                              names   signatures  one file per   verdict, path
//!                                      budget      rule group     and findings
//! ```

mod algorithm;
mod building;
pub mod finding;
mod form;
mod identifiers;
mod judgement;
mod name_constraints;
mod names;
mod pool;
mod revocation;
pub mod stacks;
mod usage;

pub use algorithm::{
    is_list_signed_by, is_self_signed, is_signed_by, is_signed_by_its_key, is_weakly_signed,
};
pub use form::{certificate_problems, list_problems, request_problems};
pub use identifiers::is_same as is_same_name;
pub use judgement::IssuerChain;
pub use judgement::{
    CandidatePath, Candidates, Judgement, Member, Profile, ReferenceName, Requirements, Verdict,
    judge, judge_alone,
};
pub use name_constraints::is_permitted;
pub use pool::Origin;
