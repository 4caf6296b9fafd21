//! How many replicas each ReplicaSet should have now: the arithmetic of a rollout.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::Seen;
use super::sets::{Set, Sets};
use crate::objects::share;

/// Extra pods that a rolling update may have; none when the strategy is `Recreate`.
pub(super) fn surge(seen: &Seen<'_>) -> i32 {
    bounds(seen).0
}

/// Pods that may be missing during a rolling update.
pub(super) fn unavailable(seen: &Seen<'_>) -> i32 {
    bounds(seen).1
}

/// `maxSurge` rounded up and `maxUnavailable` rounded down; not both zero, or nothing could ever move.
fn bounds(seen: &Seen<'_>) -> (i32, i32) {
    if recreates(seen) {
        return (0, 0);
    }
    let rolling = seen.object.spec.strategy.as_ref().and_then(|strategy| strategy.rolling_update.as_ref());
    let default = IntOrString::String("25%".into());
    let surge = rolling.and_then(|rolling| rolling.max_surge.as_ref()).unwrap_or(&default);
    let unavailable = rolling.and_then(|rolling| rolling.max_unavailable.as_ref()).unwrap_or(&default);
    match (share(surge, seen.replicas, true), share(unavailable, seen.replicas, false)) {
        (0, 0) => (0, 1),
        (surge, unavailable) => (surge, unavailable.min(seen.replicas)),
    }
}

fn recreates(seen: &Seen<'_>) -> bool {
    let strategy = seen.object.spec.strategy.as_ref();
    strategy.and_then(|strategy| strategy.type_.as_deref()) == Some("Recreate")
}

/// Size at which a new ReplicaSet is made.
pub(super) fn first_size(seen: &Seen<'_>, sets: &Sets) -> i32 {
    if recreates(seen) {
        return if sets.old.iter().all(idle) { seen.replicas } else { 0 };
    }
    grown(seen, sets, 0)
}

fn idle(set: &Set) -> bool {
    set.replicas == 0 && !set.has_pods
}

fn total(sets: &Sets) -> i32 {
    sets.all().map(|set| set.replicas).sum()
}

/// A new set of `now` replicas as far grown as the surge allows.
fn grown(seen: &Seen<'_>, sets: &Sets, now: i32) -> i32 {
    let room = (seen.replicas + surge(seen) - total(sets)).max(0);
    now + room.min((seen.replicas - now).max(0))
}

/// Sizes that differ from what is: first the new set grows or shrinks, and only when it stands do the old ones shrink.
pub(super) fn sizes<'a>(seen: &Seen<'_>, sets: &'a Sets, paused: bool) -> Vec<(&'a Set, i32)> {
    let active: Vec<&Set> = sets.all().filter(|set| set.replicas > 0).collect();
    if let [only] = active.as_slice()
        && (paused || sets.new.as_ref().is_some_and(|new| new.record.key == only.record.key))
    {
        return changed(vec![(*only, seen.replicas)]);
    }
    if paused || rescaled(seen, &active) {
        return changed(proportional(seen, &active));
    }
    let Some(new) = &sets.new else { return Vec::new() };
    if recreates(seen) {
        let old: Vec<(&Set, i32)> = sets.old.iter().map(|set| (set, 0)).collect();
        let waiting = !sets.old.iter().all(idle);
        return changed(if waiting { old } else { vec![(new, seen.replicas)] });
    }
    let size = if new.replicas > seen.replicas { seen.replicas } else { grown(seen, sets, new.replicas) };
    if size == new.replicas { changed(shrunk(seen, sets, new)) } else { vec![(new, size)] }
}

fn changed(sizes: Vec<(&Set, i32)>) -> Vec<(&Set, i32)> {
    sizes.into_iter().filter(|(set, size)| set.replicas != *size).collect()
}

/// Old sets made smaller as far as availability allows: unhealthy pods first, then oldest sets first.
fn shrunk<'a>(seen: &Seen<'_>, sets: &'a Sets, new: &Set) -> Vec<(&'a Set, i32)> {
    let least = seen.replicas - unavailable(seen);
    let mut sizes: Vec<(&Set, i32)> = sets.old.iter().map(|set| (set, set.replicas)).collect();
    let new_missing = (new.replicas - new.facts.available).max(0);
    let mut room = (total(sets) - least - new_missing).max(0);
    for (set, size) in &mut sizes {
        let unhealthy = (*size - set.facts.available).max(0).min(room);
        *size -= unhealthy;
        room -= unhealthy;
    }
    let available: i32 = sets.all().map(|set| set.facts.available.min(set.replicas)).sum();
    let mut spare = (available - least).max(0).min(room);
    for (_, size) in &mut sizes {
        let gone = (*size).min(spare);
        *size -= gone;
        spare -= gone;
    }
    sizes
}

/// Whether the Deployment was scaled while several sets are active: their noted wish differs from today's.
fn rescaled(seen: &Seen<'_>, active: &[&Set]) -> bool {
    active.len() > 1 && active.iter().any(|set| set.desired.is_some_and(|desired| desired != seen.replicas))
}

/// Spreads the wish over several active sets by their share, so that a rollout that stands still scales as a whole.
fn proportional<'a>(seen: &Seen<'_>, active: &[&'a Set]) -> Vec<(&'a Set, i32)> {
    let now: i32 = active.iter().map(|set| set.replicas).sum();
    let most = if seen.replicas > 0 { seen.replicas + surge(seen) } else { 0 };
    let mut left = most - now;
    if now == 0 || left == 0 {
        return active.iter().map(|set| (*set, set.replicas)).collect();
    }
    // Larger sets take their share first; the remainder of rounding goes to the largest.
    let mut order: Vec<&Set> = active.to_vec();
    order.sort_by_key(|set| std::cmp::Reverse(set.replicas));
    let mut sizes: Vec<(&Set, i32)> = Vec::new();
    for set in order {
        let exact = i64::from(most - now) * i64::from(set.replicas);
        let half = i64::from(now) / 2 * exact.signum();
        let share = i32::try_from((exact + half) / i64::from(now)).unwrap_or(0);
        let share = if left > 0 { share.clamp(0, left) } else { share.clamp(left, 0) };
        left -= share;
        sizes.push((set, (set.replicas + share).max(0)));
    }
    if let Some((_, size)) = sizes.first_mut() {
        *size = (*size + left).max(0);
    }
    sizes
}
