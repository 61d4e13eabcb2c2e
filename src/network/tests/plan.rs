//! Orders, slots and arenas.

use super::{INPUTS, add, concat, dense};
use crate::activation::Activation::Relu;
use crate::error::Error;
use crate::gemm::Accum;
use crate::network::plan::{DeltaWrite, Place, Plan};

type Tested = crate::error::Result<()>;

#[test]
fn a_chain_of_any_length_needs_two_delta_slots() -> Tested {
    let layers: Vec<_> = (0..9).map(|i| dense(i, 10 + i, Relu)).collect();
    let plan = Plan::new(5, &layers, &[9])?;
    assert_eq!(plan.delta_slots.len(), 2);
    assert_eq!(plan.prediction.widths.len(), 2);
    assert_eq!(plan.prediction.places[9], Place::Caller(0));
    let nodes: Vec<_> = plan.backward.iter().map(|step| step.node).collect();
    assert_eq!(nodes, [9, 8, 7, 6, 5, 4, 3, 2, 1]);
    for step in &plan.backward {
        let [write] = step.below[..] else { panic!("{step:?}") };
        assert_ne!(write.slot, Some(step.delta));
        assert_eq!(write.slot.is_none(), step.node == 1);
        assert_eq!((write.accum, write.completes), (Accum::Replace, true));
    }
    Ok(())
}

#[test]
fn deltas_are_added_where_a_node_has_several_readers() -> Tested {
    // Node 1 is read by nodes 2, 3 and 4, all of them outputs.
    let layers = [dense(0, 7, Relu), dense(1, 2, Relu), dense(1, 3, Relu), dense(1, 4, Relu)];
    let plan = Plan::new(5, &layers, &[2, 3, 4])?;
    let writes: Vec<_> = plan.backward.iter().flat_map(|step| step.below.clone()).collect();
    let [DeltaWrite { slot: Some(slot), .. }, ..] = writes[..] else { panic!("{writes:?}") };
    let to = |accum, completes| DeltaWrite { slot: Some(slot), accum, completes };
    assert_eq!(
        writes,
        [
            to(Accum::Replace, false),
            to(Accum::Add, false),
            to(Accum::Add, true),
            DeltaWrite { slot: None, accum: Accum::Replace, completes: true },
        ]
    );
    Ok(())
}

#[test]
fn an_activation_is_kept_until_its_last_reader_has_run() -> Tested {
    // Node 1 is read by nodes 2 and 4, node 2 by 3: nodes 1, 2 and 3 never share a slot.
    let specs = [dense(0, 7, Relu), dense(1, 7, Relu), dense(2, 7, Relu), add(&[1, 3])];
    let places =
        Plan::new(5, &[&specs[..], &[dense(4, 7, Relu)]].concat(), &[5])?.prediction.places;
    assert_ne!(places[1], places[2]);
    assert_ne!(places[1], places[3]);
    // An output that is read is kept to the end; one that is not is with the caller at once.
    let chain: Vec<_> = (0..5).map(|from| dense(from, 7, Relu)).collect();
    let places = Plan::new(5, &chain, &[5, 1])?.prediction.places;
    assert!(matches!(places[1], Place::Slot(_)));
    assert!(places[2..].iter().all(|&place| place != places[1]), "{places:?}");
    assert_eq!(places[5], Place::Caller(0));
    Ok(())
}

#[test]
fn tensors_start_on_cache_lines_and_do_not_overlap() -> Tested {
    let specs = [dense(0, 5, Relu), concat(&[1, 0, 1]), dense(2, 7, Relu)];
    let plan = Plan::new(INPUTS, &specs, &[3])?;
    let tensors: Vec<_> = plan.layers().flat_map(|l| [l.weight.clone(), l.bias.clone()]).collect();
    assert_eq!(tensors, [0..15, 16..21, 32..123, 128..135]);
    assert_eq!(plan.arena, 144);
    Ok(())
}

#[test]
fn a_node_that_no_output_depends_on_is_refused() {
    let specs = [dense(0, 4, Relu), dense(1, 2, Relu), dense(1, 2, Relu), add(&[2, 3])];
    let dead = |outputs: &[usize]| match Plan::new(INPUTS, &specs, outputs) {
        Err(Error::Value { argument: "outputs", found, .. }) => Some(found),
        _ => None,
    };
    // A tail that leads nowhere, a branch beside the output, and no output at all.
    assert_eq!(dead(&[2, 3]), Some(4.0));
    assert_eq!(dead(&[1]), Some(4.0));
    assert_eq!(dead(&[]), Some(4.0));
    assert_eq!(dead(&[4]), None);
    assert_eq!(dead(&[1, 4]), None);
}
