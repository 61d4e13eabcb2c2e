//! The nodes of a [`Graph`](super::Graph) found by name, put in topological order, and checked.

use std::collections::{BTreeSet, HashMap};

use super::graph::Declared;
use super::plan::{Kind, Spec};
use crate::dropout::Dropout;
use crate::error::{Error, Result, wrong_node};

/// The name of node 0.
pub(super) const INPUT: &str = "input";

/// What a plan is made of. The first node of `specs` and `names` is node 1.
pub(super) struct Ordered {
    pub names: Vec<String>,
    pub specs: Vec<Spec>,
    pub outputs: Vec<usize>,
}

/// The nodes in the order in which they were given, except where one reads a later one.
pub(super) fn in_order(nodes: &[Declared], outputs: &[String]) -> Result<Ordered> {
    // Numbered as they were given from here on, and 0 is the input.
    let number_of = numbered(nodes)?;
    let mut from = vec![Vec::new()];
    for node in nodes {
        let number = |name: &String| {
            let expected = "to read nodes that there are";
            number_of
                .get(name.as_str())
                .copied()
                .ok_or_else(|| wrong_node(&node.name, expected, name))
        };
        from.push(node.from.iter().map(number).collect::<Result<Vec<_>>>()?);
    }
    let outputs = output_numbers(outputs, &number_of)?;
    let order = topological(&from).map_err(|node| {
        wrong_node(&nodes[node - 1].name, "not to depend on what it is read by", "a cycle")
    })?;
    if let Some(node) = unread(&from, &outputs, &order) {
        let name = if node == 0 { INPUT } else { &nodes[node - 1].name };
        return Err(wrong_node(name, "to lead to an output", "an end"));
    }

    let mut place = vec![0; from.len()];
    order.iter().enumerate().for_each(|(at, &node)| place[node] = at);
    let spec = |&node: &usize| Spec {
        from: from[node].iter().map(|&from| place[from]).collect(),
        kind: nodes[node - 1].kind,
    };
    Ok(Ordered {
        names: order[1..].iter().map(|&node| nodes[node - 1].name.clone()).collect(),
        specs: order[1..].iter().map(spec).collect(),
        outputs: outputs.iter().map(|&node| place[node]).collect(),
    })
}

/// The number of each name.
fn numbered(nodes: &[Declared]) -> Result<HashMap<&str, usize>> {
    let mut number_of = HashMap::from([(INPUT, 0)]);
    for (i, Declared { name, from, kind }) in nodes.iter().enumerate() {
        // Files list names with these between them.
        if name.is_empty()
            || name.contains(|c: char| c.is_whitespace() || c.is_control() || c == ';')
        {
            return Err(wrong_node(
                name,
                "a name without spaces, controls and ';'",
                format!("{name:?}"),
            ));
        }
        if number_of.insert(name, i + 1).is_some() {
            return Err(wrong_node(name, "a name of its own", "two nodes of this name"));
        }
        if from.is_empty() {
            return Err(wrong_node(name, "at least one node to read", "none"));
        }
        match kind {
            Kind::Dense { width: 0, .. } => {
                return Err(wrong_node(name, "a width of at least 1", 0));
            }
            Kind::Dense { activation, .. } if activation.check().is_err() => {
                return Err(wrong_node(
                    name,
                    "an activation with settings it may have",
                    activation,
                ));
            }
            Kind::Dropout { p } if Dropout::new(*p, 0, 0).is_err() => {
                return Err(wrong_node(name, "a probability from 0 to 1", p));
            }
            _ => {}
        }
    }
    Ok(number_of)
}

fn output_numbers(outputs: &[String], number_of: &HashMap<&str, usize>) -> Result<Vec<usize>> {
    let mut numbers = Vec::new();
    for name in outputs {
        match number_of.get(name.as_str()) {
            None => return Err(wrong_node(name, "an output to be a node", "no node of this name")),
            Some(0) => return Err(wrong_node(name, "an output to be computed", "the input")),
            Some(number) if numbers.contains(number) => {
                return Err(wrong_node(name, "to be an output once", "twice"));
            }
            Some(&number) => numbers.push(number),
        }
    }
    if numbers.is_empty() {
        return Err(Error::Value { argument: "outputs", expected: "at least 1", found: 0.0 });
    }
    Ok(numbers)
}

/// The nodes such that each comes after those it reads, and otherwise by number; or one that
/// depends on itself.
fn topological(from: &[Vec<usize>]) -> core::result::Result<Vec<usize>, usize> {
    let mut readers = vec![Vec::new(); from.len()];
    let mut waiting: Vec<_> = from.iter().map(Vec::len).collect();
    for (node, from) in from.iter().enumerate() {
        from.iter().for_each(|&from| readers[from].push(node));
    }
    let mut ready = BTreeSet::from([0]);
    let mut order = Vec::new();
    while let Some(node) = ready.pop_first() {
        order.push(node);
        for &reader in &readers[node] {
            waiting[reader] -= 1;
            if waiting[reader] == 0 {
                ready.insert(reader);
            }
        }
    }
    let Some(mut node) = waiting.iter().position(|&waiting| waiting > 0) else { return Ok(order) };
    // Whoever waits, waits for another: as many steps back as there are nodes end on a cycle.
    for _ in 0..from.len() {
        node = from[node].iter().copied().find(|&from| waiting[from] > 0).unwrap_or(node);
    }
    Err(node)
}

/// A node that no output depends on.
fn unread(from: &[Vec<usize>], outputs: &[usize], order: &[usize]) -> Option<usize> {
    let mut live = vec![false; from.len()];
    outputs.iter().for_each(|&output| live[output] = true);
    for &node in order.iter().rev() {
        if !live[node] {
            return Some(node);
        }
        from[node].iter().for_each(|&from| live[from] = true);
    }
    None
}
