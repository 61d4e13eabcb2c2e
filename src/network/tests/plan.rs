//! Orders, slots and arenas.

use super::{INPUTS, add, concat, dense, dropout};
use crate::activation::Activation::Relu;
use crate::gemm::Accum;
use crate::network::plan::{DeltaWrite, Place, Plan};

#[test]
fn a_chain_of_any_length_needs_two_delta_slots() {
    let layers: Vec<_> = (0..9).map(|i| dense(i, 10 + i, Relu)).collect();
    let plan = Plan::new(5, &layers, &[9]);
    assert_eq!(plan.delta_slots.len(), 2);
    assert_eq!(plan.prediction.widths.len(), 2);
    assert_eq!(plan.prediction.places[9], Place::Output(0));
    let nodes: Vec<_> = plan.backward.iter().map(|step| step.node).collect();
    assert_eq!(nodes, [9, 8, 7, 6, 5, 4, 3, 2, 1]);
    for step in &plan.backward {
        let [write] = step.below[..] else { panic!("{step:?}") };
        assert_ne!(write.slot, Some(step.delta));
        assert_eq!(write.slot.is_none(), step.node == 1);
        assert_eq!((write.accum, write.completes), (Accum::Replace, true));
    }
}

#[test]
fn deltas_are_added_where_a_node_has_several_readers() {
    // Node 1 is read by nodes 2, 3 and 4, all of them outputs.
    let layers = [dense(0, 7, Relu), dense(1, 2, Relu), dense(1, 3, Relu), dense(1, 4, Relu)];
    let plan = Plan::new(5, &layers, &[2, 3, 4]);
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
}

#[test]
fn an_activation_is_kept_until_its_last_reader_has_run() {
    // Node 1 is read by nodes 2 and 4, node 2 by 3: nodes 1, 2 and 3 never share a slot.
    let specs = [dense(0, 7, Relu), dense(1, 7, Relu), dense(2, 7, Relu), add(&[1, 3])];
    let places = Plan::new(5, &[&specs[..], &[dense(4, 7, Relu)]].concat(), &[5]).prediction.places;
    assert_ne!(places[1], places[2]);
    assert_ne!(places[1], places[3]);
    // An output that is read is kept to the end; one that is not is with the caller at once.
    let chain: Vec<_> = (0..5).map(|from| dense(from, 7, Relu)).collect();
    let places = Plan::new(5, &chain, &[5, 1]).prediction.places;
    assert!(matches!(places[1], Place::Slot(_)));
    assert!(places[2..].iter().all(|&place| place != places[1]), "{places:?}");
    assert_eq!(places[5], Place::Output(0));
}

#[test]
fn tensors_start_on_cache_lines_and_do_not_overlap() {
    let specs = [dense(0, 5, Relu), concat(&[1, 0, 1]), dense(2, 7, Relu)];
    let plan = Plan::new(INPUTS, &specs, &[3]);
    let tensors: Vec<_> = plan.layers().flat_map(|l| [l.weight.clone(), l.bias.clone()]).collect();
    assert_eq!(tensors, [0..15, 16..21, 32..123, 128..135]);
    assert_eq!(plan.arena, 144);
}

#[test]
fn a_prediction_has_no_memory_for_dropout() {
    // Node 2 drops of node 1, 3 of 2, 6 of 5; 5 is an output too, and 6 the last one.
    let specs = [
        dense(0, 7, Relu),
        dropout(1, 0.5),
        dropout(2, 0.5),
        dense(3, 7, Relu),
        dense(4, 7, Relu),
        dropout(5, 0.5),
    ];
    let places = Plan::new(INPUTS, &specs, &[6, 5]).prediction.places;
    assert!(matches!(places[1], Place::Slot(_)), "{places:?}");
    assert_eq!(places[1..4], [places[1]; 3]);
    // What nodes 2 and 3 stand for is kept until node 4 has read it.
    assert_ne!(places[4], places[1]);
    assert_eq!(places[6], Place::Output(0));
    let on_input = [dropout(0, 0.5), dense(1, 2, Relu)];
    let places = Plan::new(INPUTS, &on_input, &[2]).prediction.places;
    assert_eq!(places, [Place::Input, Place::Input, Place::Output(0)]);
}
