use densecore::Activation::Relu;
use densecore::network::Network;

use super::{LINEAR, Tested, every_kind};

#[test]
fn a_chain_is_counted_by_hand() -> Tested {
    let network =
        Network::builder(5).dense(7, Relu).dropout(0.5).dense_without_bias(3, LINEAR).build()?;
    let summary = network.summary();
    let counted: Vec<_> = summary
        .nodes
        .iter()
        .map(|n| (n.width, n.parameters, n.bytes(), n.flops, n.training_flops))
        .collect();
    // The first layer has no gradient of its input to compute, the second has.
    let by_hand = [(5, 0, 0, 0, 0), (7, 42, 168, 70, 140), (7, 0, 0, 0, 0), (3, 21, 84, 42, 126)];
    assert_eq!(counted, by_hand);
    assert_eq!((summary.parameters(), summary.bytes()), (63, 252));
    assert_eq!(summary.parameters(), network.parameter_count());
    assert_eq!((summary.flops(), summary.training_flops()), (112, 266));
    assert!(summary.is_chain);
    Ok(())
}

#[test]
fn a_graph_is_counted_by_hand() -> Tested {
    let expected = "\
node    kind                 reads                 shape        parameters  FLOPs/sample  bytes
input   input                                      [batch, 4]            0             0      0
drop    dropout 0.25         input                 [batch, 4]            0             0      0
first   dense relu           drop                  [batch, 6]           30            48    120
second  dense silu, no bias  first                 [batch, 6]           36            72    144
trunk   add                  first, second, first  [batch, 6]            0            12      0
wide    concat               trunk, input          [batch, 10]           0             0      0
class   dense identity       wide                  [batch, 3]           33            60    132
size    dense identity       input                 [batch, 1]            5             8     20
total                                                                  104           200    416
outputs: class, size
A training step takes 568 FLOPs per sample.";
    let summary = every_kind().build()?.summary();
    assert_eq!(summary.to_string(), expected);
    assert_eq!(summary.outputs, [6, 7]);
    Ok(())
}

#[test]
fn columns_are_aligned_for_any_name_and_nothing_is_cut() -> Tested {
    // Wider than a formatter pads, and of characters of several bytes.
    for name in ["x".to_string(), "n".repeat(70_000), "größe".to_string(), "層".to_string()] {
        let network = Network::graph(12_345)
            .dense(&name, "input", 1_000, Relu)
            .dense("last", &name, 2, LINEAR)
            .output("last")
            .output(&name)
            .build()?;
        let text = network.summary().to_string();
        let lines: Vec<&str> = text.lines().collect();
        let [heading, input, first, last, total, outputs, training] = lines[..] else {
            panic!("{} lines", lines.len())
        };
        let place = |line: &str, part: &str| {
            let at = line.find(part).unwrap_or_else(|| panic!("no {part}"));
            line[..at].chars().count()
        };
        assert!(first.starts_with(&name) && outputs == format!("outputs: last, {name}"));
        for (column, cells) in [("kind", ["input  ", "dense relu", "dense identity"])] {
            for (line, cell) in [input, first, last].into_iter().zip(cells) {
                let from = line.rfind(cell).map(|at| line[..at].chars().count());
                assert_eq!(from, Some(place(heading, column)), "{cell}");
            }
        }
        let shape = place(heading, "shape");
        for (line, cell) in
            [(input, "[batch, 12345]"), (first, "[batch, 1000]"), (last, "[batch, 2]")]
        {
            assert_eq!(place(line, cell), shape);
        }
        // Bytes end each line.
        let width = heading.chars().count();
        for (line, end) in
            [(input, " 0"), (first, " 49,384,000"), (last, " 8,008"), (total, " 49,392,008")]
        {
            assert!(line.ends_with(end), "{end}");
            assert_eq!(line.chars().count(), width);
        }
        assert!(total.contains(" 12,348,002 ") && first.contains(" 12,346,000 "));
        // 2 * 12,345,000 twice, as nothing is below the first, and 2 * 2,000 three times.
        assert_eq!(training, "A training step takes 49,392,000 FLOPs per sample.");
    }
    Ok(())
}

#[test]
fn usual_networks_fit_into_a_hundred_columns() -> Tested {
    let wide = Network::mlp(&[3_072, 2_048, 2_048, 100], Relu, 1)?.summary();
    for summary in [wide, every_kind().build()?.summary()] {
        let text = summary.to_string();
        assert!(text.is_ascii());
        assert!(text.lines().all(|line| line.len() <= 100), "\n{text}");
        assert!(text.lines().all(|line| line.trim_end() == line && !line.is_empty()));
    }
    Ok(())
}

#[test]
#[cfg(target_pointer_width = "64")]
fn operations_beyond_u64_are_its_greatest() -> Tested {
    // 2^57 numbers per sample: no weight is as wide, so no memory forbids it.
    let mut graph = Network::graph(1 << 10);
    for i in 0..47 {
        let below = if i == 0 { "input".to_string() } else { format!("c{}", i - 1) };
        graph = graph.concat(&format!("c{i}"), &[&below, &below]);
    }
    graph = graph.add("few", &["c46"; 4]).output("few");
    assert_eq!(graph.clone().build()?.summary().flops(), 3 << 57);
    let summary = graph.add("many", &["few"; 200]).output("many").build()?.summary();
    assert_eq!((summary.flops(), summary.training_flops()), (u64::MAX, u64::MAX));
    assert_eq!(summary.nodes.last().map(|node| node.flops), Some(u64::MAX));
    assert!(summary.to_string().contains(" 18,446,744,073,709,551,615 "));
    Ok(())
}
