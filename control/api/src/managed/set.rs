//! Sets of paths, and their algebra.

use std::cmp::Ordering;

use super::Element;

/// A set of paths, as a tree: nodes sorted by element, none of them empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set(Vec<Node>);

/// A step at which paths of a [`Set`] end or go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) element: Element,
    /// Whether a path ends here.
    pub(super) owned: bool,
    /// How paths go on from here.
    pub(super) below: Set,
}

impl Node {
    fn is_empty(&self) -> bool {
        !self.owned && self.below.is_empty()
    }

    fn non_empty(element: &Element, owned: bool, below: Set) -> Option<Self> {
        let node = Self { element: element.clone(), owned, below };
        (!node.is_empty()).then_some(node)
    }
}

impl Set {
    /// The set of one path of fields.
    #[must_use]
    pub fn of_fields(path: &[&str]) -> Self {
        let [first, rest @ ..] = path else { return Self::default() };
        Self(vec![Node { element: Element::field(first), owned: rest.is_empty(), below: Self::of_fields(rest) }])
    }

    /// Whether it holds no path.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn nodes(&self) -> &[Node] {
        &self.0
    }

    /// The node of that element.
    pub(super) fn node(&self, element: &Element) -> Option<&Node> {
        self.0.binary_search_by(|node| node.element.cmp(element)).ok().and_then(|at| self.0.get(at))
    }

    /// Whether the path is in the set.
    #[must_use]
    pub fn has(&self, path: &[Element]) -> bool {
        match path {
            [] => false,
            [last] => self.node(last).is_some_and(|node| node.owned),
            [first, rest @ ..] => self.node(first).is_some_and(|node| node.below.has(rest)),
        }
    }

    /// Paths of either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        if other.is_empty() {
            return self.clone();
        }
        self.join(other, |pair| match pair {
            Pair::Both(a, b) => Node::non_empty(&a.element, a.owned || b.owned, a.below.union(&b.below)),
            Pair::Left(one) | Pair::Right(one) => Some(one.clone()),
        })
    }

    /// Paths of both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.join(other, |pair| match pair {
            Pair::Both(a, b) => Node::non_empty(&a.element, a.owned && b.owned, a.below.intersection(&b.below)),
            Pair::Left(_) | Pair::Right(_) => None,
        })
    }

    /// Paths of this one that the other does not have.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.join(other, |pair| match pair {
            Pair::Both(a, b) => Node::non_empty(&a.element, a.owned && !b.owned, a.below.difference(&b.below)),
            Pair::Left(one) => Some(one.clone()),
            Pair::Right(_) => None,
        })
    }

    /// Paths of this one that neither are in the other nor go on from one that is.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        self.join(other, |pair| match pair {
            Pair::Both(_, b) if b.owned => None,
            Pair::Both(a, b) => Node::non_empty(&a.element, a.owned, a.below.without(&b.below)),
            Pair::Left(one) => Some(one.clone()),
            Pair::Right(_) => None,
        })
    }

    /// Paths that begin with these fields.
    #[must_use]
    pub fn only(&self, fields: &[&str]) -> Self {
        let [first, rest @ ..] = fields else { return self.clone() };
        let node = self.node(&Element::field(first));
        node.and_then(|node| Node::non_empty(&node.element, rest.is_empty() && node.owned, node.below.only(rest)))
            .into_iter()
            .collect()
    }

    /// Every path; those that end at a level before those that go on from it, as Kubernetes tells them.
    #[must_use]
    pub fn paths(&self) -> Vec<Vec<Element>> {
        let mut paths = Vec::new();
        self.collect(&mut Vec::new(), &mut paths);
        paths
    }

    fn collect(&self, prefix: &mut Vec<Element>, paths: &mut Vec<Vec<Element>>) {
        for node in self.0.iter().filter(|node| node.owned) {
            paths.push(prefix.iter().chain([&node.element]).cloned().collect());
        }
        for node in &self.0 {
            prefix.push(node.element.clone());
            node.below.collect(prefix, paths);
            prefix.pop();
        }
    }

    /// Walks both sets side by side and keeps what `choose` gives for each element.
    fn join(&self, other: &Self, choose: impl Fn(Pair<'_>) -> Option<Node>) -> Self {
        let mut nodes = Vec::with_capacity(self.0.len());
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        loop {
            let order = match (left.peek(), right.peek()) {
                (Some(a), Some(b)) => a.element.cmp(&b.element),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return Self(nodes),
            };
            let a = if order.is_le() { left.next() } else { None };
            let b = if order.is_ge() { right.next() } else { None };
            nodes.extend(match (a, b) {
                (Some(a), Some(b)) => choose(Pair::Both(a, b)),
                (Some(a), None) => choose(Pair::Left(a)),
                (None, Some(b)) => choose(Pair::Right(b)),
                (None, None) => None,
            });
        }
    }
}

/// Nodes in any order, several of one element among them; empty ones are left out.
impl FromIterator<Node> for Set {
    fn from_iter<I: IntoIterator<Item = Node>>(nodes: I) -> Self {
        let mut nodes: Vec<Node> = nodes.into_iter().filter(|node| !node.is_empty()).collect();
        nodes.sort_by(|a, b| a.element.cmp(&b.element));
        nodes.dedup_by(|next, kept| {
            let same = next.element == kept.element;
            if same {
                kept.owned |= next.owned;
                kept.below = kept.below.union(&next.below);
            }
            same
        });
        Self(nodes)
    }
}

/// What two sets have at one element.
enum Pair<'a> {
    Both(&'a Node, &'a Node),
    Left(&'a Node),
    Right(&'a Node),
}
