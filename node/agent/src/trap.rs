//! What is told of a guest that trapped, beside its container's status.

use runtime::contract::{Container, ContainerState};

use crate::observed::Life;

/// The reason of the end and of the event, as workers give it.
pub(crate) const REASON: &str = "WasmTrap";

/// Most bytes of an event's message: the limit of the newer API of events (KEP-383), which has the same events.
const MESSAGE_MAX: usize = 1024;

/// The event's message: the trap and the innermost of its functions. None when it did not trap, or when that was heard before.
pub(crate) fn news(container: &Container, life: Option<&Life>) -> Option<String> {
    let ContainerState::Exited(exit) = &container.state else { return None };
    let known = life.and_then(|life| life.current.as_ref()).filter(|current| current.id == container.id);
    if exit.reason != REASON || known.is_some_and(|known| matches!(known.state, ContainerState::Exited(_))) {
        return None;
    }
    let mut message = format!("Container {} trapped: {}", container.name, exit.message);
    message.truncate(message.floor_char_boundary(MESSAGE_MAX));
    Some(message)
}
