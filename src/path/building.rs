//! Building paths ([RFC 4158](https://www.rfc-editor.org/rfc/rfc4158)): from the end entity upwards,
//! the most likely issuers first, within a budget.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::ops::ControlFlow;

use super::algorithm::{self, SignatureCheck};
use super::finding::{Draft, Drafts, Role};
use super::pool::Pool;
use super::{Requirements, identifiers, judgement, name_constraints, revocation};

/// The search for a path.
pub(super) struct Search<'s, 'a> {
    pool: &'s Pool<'a>,
    requirements: &'s Requirements,
    signatures: HashMap<(usize, usize), SignatureCheck>,
    list_signatures: HashMap<(usize, usize), SignatureCheck>,
    /// What is wrong with each candidate by itself, computed on first use.
    own: Vec<OnceCell<Vec<Draft>>>,
    /// What is wrong with a candidate and its issuer together.
    issues: HashMap<(usize, usize), Vec<Draft>>,
    /// How a candidate's names violate the constraints of a CA above it.
    names: HashMap<(usize, usize), Vec<Draft>>,
    /// The number of comparisons of names with constraints so far.
    comparisons: usize,
    path: Vec<usize>,
    /// The remaining budget, roughly in microseconds.
    effort: u64,
    /// Whether to follow only issuers without errors.
    only_fit: bool,
    /// How often it mattered which path led to a certificate: where an anchor was reached, or a
    /// certificate left out that another path might take.
    turns: usize,
    /// The candidates from which no path continues.
    is_barren: Vec<bool>,
    pub(super) best: Option<Attempt>,
    /// Every path that was examined, if all are requested.
    pub(super) all: Vec<Attempt>,
    pub(super) exhausted: bool,
}

impl<'s, 'a> Search<'s, 'a> {
    pub(super) fn new(pool: &'s Pool<'a>, requirements: &'s Requirements) -> Self {
        let mut own = Vec::new();
        own.resize_with(pool.candidates.len(), OnceCell::new);
        Search {
            pool,
            requirements,
            signatures: HashMap::new(),
            list_signatures: HashMap::new(),
            own,
            issues: HashMap::new(),
            names: HashMap::new(),
            comparisons: 0,
            path: vec![0],
            effort: EFFORT,
            only_fit: true,
            turns: 0,
            is_barren: vec![false; pool.candidates.len()],
            best: None,
            all: Vec::new(),
            exhausted: false,
        }
    }

    /// Looks for a path without errors, or else for the closest to one.
    pub(super) fn run(&mut self) {
        if self.pool.end_entity_is_anchor() {
            let _ = self.complete();
            if self
                .best
                .as_ref()
                .is_some_and(|best| errors(&best.drafts) == 0)
            {
                return;
            }
        }
        if self.pool.leads_to_anchor(0) {
            let _ = self.climb();
        }
        let reached = |attempt: &Attempt| attempt.end == End::Anchor;
        if self.best.as_ref().is_some_and(reached) && !self.requirements.all_paths {
            return;
        }
        self.only_fit = false;
        self.effort = EXPLANATION_EFFORT;
        let _ = self.climb();
    }

    /// Tries every issuer of the path's last certificate. Stops when nothing better can be
    /// found or the budget is spent.
    fn climb(&mut self) -> ControlFlow<()> {
        let child = self.path[self.path.len() - 1];
        let mut end = if self.pool.candidates[child].is_self_issued() && self.path.len() == 1 {
            End::SelfSigned
        } else {
            End::IssuerMissing
        };
        let mut went_on = false;
        let issuers = self.ordered_issuers(child);
        self.spend(STEP_EFFORT + issuers.len() as u64 / ISSUERS_PER_EFFORT)?;
        for issuer in issuers {
            if self.own[issuer].get().is_none() {
                let bytes = self.pool.candidates[issuer].certificate.as_der().len();
                self.spend(bytes as u64 / BYTES_PER_EFFORT)?;
            }
            if self.only_fit && (self.is_barren[issuer] || !self.is_fit(issuer)) {
                continue;
            }
            if self.is_loop(issuer) {
                self.turns += 1;
                continue;
            }
            if self.is_too_deep(issuer) {
                self.turns += 1;
                end = end.max(End::TooDeep);
                continue;
            }
            if self.signature(child, issuer)? == SignatureCheck::Invalid {
                end = end.max(End::WrongKey(issuer));
                continue;
            }
            went_on = true;
            let turns = self.turns;
            self.path.push(issuer);
            let flow = if self.pool.is_anchor(issuer) {
                self.complete()
            } else {
                self.climb()
            };
            self.path.pop();
            flow?;
            self.is_barren[issuer] = self.turns == turns;
        }
        if went_on && end == End::IssuerMissing {
            return ControlFlow::Continue(());
        }
        self.dead_end(end)
    }

    /// The path has reached an anchor.
    fn complete(&mut self) -> ControlFlow<()> {
        self.turns += 1;
        let drafts = self.validate();
        let (found, own) = (errors(&drafts), errors(self.own(0)));
        self.keep(Attempt {
            path: self.path.clone(),
            end: End::Anchor,
            drafts,
        });
        // No other path fixes what is wrong with the end entity itself.
        if found <= own && !self.requirements.all_paths {
            return ControlFlow::Break(());
        }
        self.spend(VALIDATION_EFFORT * self.path.len() as u64)
    }

    /// The path ends without an anchor. If all do, the one that got farthest is reported.
    fn dead_end(&mut self, end: End) -> ControlFlow<()> {
        if self.only_fit || (end == End::IssuerMissing && self.is_beaten()) {
            return ControlFlow::Continue(());
        }
        let drafts = self.validate();
        self.keep(Attempt {
            path: self.path.clone(),
            end,
            drafts,
        });
        self.spend(VALIDATION_EFFORT * self.path.len() as u64)
    }

    /// Whether another path got farther, so that this one need not be examined.
    fn is_beaten(&self) -> bool {
        let farther =
            |best: &Attempt| best.end > End::IssuerMissing || best.path.len() >= self.path.len();
        !self.requirements.all_paths && self.best.as_ref().is_some_and(farther)
    }

    fn keep(&mut self, attempt: Attempt) {
        if self.requirements.all_paths && self.all.len() < MAX_PATHS_KEPT {
            let known = |kept: &Attempt| kept.path == attempt.path && kept.end == attempt.end;
            if !self.all.iter().any(known) {
                self.all.push(attempt.clone());
            }
        }
        if self
            .best
            .as_ref()
            .is_none_or(|best| attempt.is_nearer_than(best))
        {
            self.best = Some(attempt);
        }
    }

    /// What is wrong with the current path.
    fn validate(&mut self) -> Vec<Draft> {
        let mut drafts = Drafts::new(self.requirements.profile);
        for place in 0..self.path.len() {
            let index = self.path[place];
            drafts.extend(place, self.own(index));
            if let Some(issuer) = self.path.get(place + 1) {
                let pair = (index, *issuer);
                self.judge_issue(pair);
                drafts.extend(place, &self.issues[&pair]);
            }
            // Self-issued certificates are free of name constraints, but for the last one (RFC 5280 §6.1.3).
            if place > 0 && self.pool.candidates[index].is_self_issued() {
                continue;
            }
            for above in place + 1..self.path.len() {
                let pair = (index, self.path[above]);
                let extensions = self.pool.candidates[pair.1].extensions();
                if extensions.name_constraints.is_some() {
                    self.judge_names(pair);
                    drafts.extend(place, &self.names[&pair]);
                }
            }
        }
        let path = self.path.iter().map(|i| &self.pool.candidates[*i]);
        let path: Vec<_> = path.collect();
        judgement::examine_path(&path, self.requirements, &mut drafts);
        let last = self.path[self.path.len() - 1];
        if self.pool.is_anchor(last) {
            let anchor = &self.pool.candidates[last];
            identifiers::examine_path(
                &path,
                self.pool.anchors_named(anchor.subject),
                self.pool.anchors_named(anchor.issuer),
                &mut drafts,
            );
        }
        drafts.all
    }

    /// Computes what is wrong with a certificate and its issuer together, once.
    fn judge_issue(&mut self, (child, issuer): (usize, usize)) {
        if self.issues.contains_key(&(child, issuer)) {
            return;
        }
        let mut drafts = Drafts::new(self.requirements.profile);
        let pool = self.pool;
        let outcome = self.signatures.get(&(child, issuer)).copied();
        let (below, above) = (&pool.candidates[child], &pool.candidates[issuer]);
        judgement::examine_issue(below, above, outcome, &mut drafts);
        if !pool.lists.is_empty() {
            revocation::examine_issue(
                pool,
                (child, issuer),
                self.requirements,
                &mut drafts,
                |list, issuer| self.list_signature(list, issuer),
            );
        }
        self.issues.insert((child, issuer), drafts.all);
    }

    /// Checks a certificate's names against the constraints of a CA above it, once.
    fn judge_names(&mut self, (child, above): (usize, usize)) {
        if self.names.contains_key(&(child, above)) {
            return;
        }
        let mut drafts = Drafts::new(self.requirements.profile);
        name_constraints::examine_below(
            &self.pool.candidates[child],
            &self.pool.candidates[above],
            &mut self.comparisons,
            &mut drafts,
        );
        self.names.insert((child, above), drafts.all);
    }

    /// What is wrong with a candidate by itself.
    fn own(&self, index: usize) -> &[Draft] {
        self.own[index].get_or_init(|| {
            let role = match index {
                0 => Role::EndEntity,
                _ if self.pool.is_anchor(index) => Role::Anchor,
                _ => Role::Intermediate,
            };
            judgement::examine(&self.pool.candidates[index], role, self.requirements)
        })
    }

    fn is_fit(&self, index: usize) -> bool {
        errors(self.own(index)) == 0
    }

    /// Whether the path already holds a certificate for the same name and key (RFC 4158 §2.4.1).
    fn is_loop(&self, issuer: usize) -> bool {
        let candidate = &self.pool.candidates[issuer];
        !self.pool.is_anchor(issuer)
            && self.path.iter().any(|index| {
                let other = &self.pool.candidates[*index];
                *index == issuer
                    || other.subject == candidate.subject
                        && other.certificate.public_key_info()
                            == candidate.certificate.public_key_info()
            })
    }

    /// Whether one more intermediate exceeds the limit; self-issued ones do not count.
    fn is_too_deep(&self, issuer: usize) -> bool {
        if self.pool.is_anchor(issuer) {
            return false;
        }
        let counts = |index: &&usize| !self.pool.candidates[**index].is_self_issued();
        let depth = self.path[1..]
            .iter()
            .chain([&issuer])
            .filter(counts)
            .count();
        self.path.len() > MAX_PATH_LENGTH
            || self
                .requirements
                .max_depth
                .is_some_and(|limit| depth > limit)
    }

    /// The issuers with a matching key identifier first, anchors before others.
    fn ordered_issuers(&self, child: usize) -> Vec<usize> {
        let mut issuers = self.pool.issuers(child).to_vec();
        if self.only_fit {
            issuers.retain(|i| self.pool.is_anchor(*i) || self.pool.leads_to_anchor(*i));
        }
        if issuers.len() > 1 {
            let wanted = self.pool.candidates[child].extensions().authority_key();
            issuers.sort_by_cached_key(|index| {
                let offered = self.pool.candidates[*index].extensions().subject_key();
                match (wanted, offered) {
                    (Some(wanted), Some(offered)) if wanted == offered => 0,
                    (Some(_), Some(_)) => 2,
                    (Some(_) | None, Some(_) | None) => 1,
                }
            });
        }
        issuers
    }

    fn signature(&mut self, child: usize, issuer: usize) -> ControlFlow<(), SignatureCheck> {
        if let Some(outcome) = self.signatures.get(&(child, issuer)) {
            return ControlFlow::Continue(*outcome);
        }
        let key = self.pool.candidates[issuer].public_key();
        self.spend(algorithm::cost(key.as_ref()))?;
        let certificate = self.pool.candidates[child].certificate;
        let outcome = algorithm::of_certificate(certificate, key.as_ref());
        self.signatures.insert((child, issuer), outcome);
        ControlFlow::Continue(outcome)
    }

    /// The result of checking a revocation list's signature with this issuer's key.
    fn list_signature(&mut self, list: usize, issuer: usize) -> SignatureCheck {
        if let Some(outcome) = self.list_signatures.get(&(list, issuer)) {
            return *outcome;
        }
        let key = self.pool.candidates[issuer].public_key();
        let outcome = match self.spend(algorithm::cost(key.as_ref())) {
            ControlFlow::Break(()) => SignatureCheck::Unsupported,
            ControlFlow::Continue(()) => algorithm::of_list(&self.pool.lists[list], key.as_ref()),
        };
        self.list_signatures.insert((list, issuer), outcome);
        outcome
    }

    fn spend(&mut self, effort: u64) -> ControlFlow<()> {
        match self.effort.checked_sub(effort) {
            Some(left) => {
                self.effort = left;
                ControlFlow::Continue(())
            }
            None => {
                // Running out of time to explain is not the same as running out of time to judge.
                self.exhausted |= self.only_fit;
                ControlFlow::Break(())
            }
        }
    }
}

/// A path that was examined, from the end entity upwards, as indexes into the pool.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) path: Vec<usize>,
    pub(super) end: End,
    pub(super) drafts: Vec<Draft>,
}

/// Where a path ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    /// The issuer of its last certificate is missing.
    IssuerMissing,
    /// Its last certificate is self-issued and not trusted.
    SelfSigned,
    /// A candidate has the issuer's name but another key; its index in the pool.
    WrongKey(usize),
    /// It exceeds the limit.
    TooDeep,
    /// At a trust anchor.
    Anchor,
}

impl Attempt {
    /// Whether it is closer to a valid path than another one.
    pub(super) fn is_nearer_than(&self, other: &Attempt) -> bool {
        let key = |attempt: &Attempt| {
            let (errors, length) = match attempt.end {
                End::Anchor => (errors(&attempt.drafts), 0),
                End::IssuerMissing | End::SelfSigned | End::WrongKey(_) | End::TooDeep => {
                    (0, attempt.path.len())
                }
            };
            (attempt.end.rank(), std::cmp::Reverse(errors), length)
        };
        key(self) > key(other)
    }
}

impl End {
    /// How close a path with this end is to a valid one.
    fn rank(self) -> u8 {
        match self {
            End::IssuerMissing => 0,
            End::SelfSigned => 1,
            End::WrongKey(_) => 2,
            End::TooDeep => 3,
            End::Anchor => 4,
        }
    }
}

/// The number of errors.
pub(super) fn errors(drafts: &[Draft]) -> usize {
    drafts.iter().filter(|draft| draft.is_error()).count()
}

/// About 50 ms, half of the maximum time for an answer.
const EFFORT: u64 = 50_000;
/// The budget for finding the closest path when there is no valid one.
const EXPLANATION_EFFORT: u64 = 10_000;
const STEP_EFFORT: u64 = 2;
const VALIDATION_EFFORT: u64 = 3;
const ISSUERS_PER_EFFORT: u64 = 16;
const BYTES_PER_EFFORT: u64 = 200;
/// Longer than any path in use, and short enough for the call stack.
const MAX_PATH_LENGTH: usize = 64;
const MAX_PATHS_KEPT: usize = 64;
