//! Rules against examples by hand, their fixed points, and what they must not depend on.

use super::*;
use crate::update::tests::update;
use proptest::prelude::*;

const RULES: [&str; 8] =
    ["mean", "clip:2", "median", "trimmed-mean:1", "krum:1", "multi-krum:1", "multi-krum:1:3", "geometric-median"];

fn rule(name: &str) -> Aggregation {
    name.parse().unwrap()
}

fn combine(name: &str, changes: &[&[f32]]) -> Vec<f64> {
    let updates: Vec<ClientUpdate> = changes.iter().zip(0..).map(|(change, client)| update(client, change)).collect();
    rule(name).combine(&updates, 1).unwrap()
}

fn close(found: &[f64], expected: &[f64]) {
    let near = found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6);
    assert!(near, "{found:?}, expected {expected:?}");
}

#[test]
fn by_hand() {
    let five: [&[f32]; 5] = [&[1.0, 0.0], &[2.0, 1.0], &[4.0, -1.0], &[3.0, 0.5], &[100.0, -50.0]];
    close(&combine("mean", &five), &[22.0, -9.9]);
    close(&combine("median", &five), &[3.0, 0.0]);
    close(&combine("median", &five[..4]), &[2.5, 0.25]);
    close(&combine("trimmed-mean:1", &five), &[3.0, -0.5 / 3.0]);
    close(&combine("trimmed-mean:2", &five), &[3.0, 0.0]);
    // Norms 5 and 1 cut to 2.5: half of the first.
    close(&combine("clip:2.5", &[&[3.0, 4.0], &[0.0, 1.0]]), &[0.75, 1.5]);
    // On a line, 5 updates and 1 hostile: scores are squared distances to the 2 nearest, 1: 1 + 9, 2: 1 + 4, 4: 4 + 1,
    // 5: 1 + 9, 50: far. 2 and 4 tie, and the first wins.
    let line: [&[f32]; 5] = [&[1.0], &[2.0], &[4.0], &[5.0], &[50.0]];
    close(&combine("krum:1", &line), &[2.0]);
    close(&combine("multi-krum:1", &line), &[3.0]);
    close(&combine("multi-krum:1:4", &line), &[3.0]);
}

#[test]
fn the_geometric_median_is_where_unit_vectors_balance() {
    // Of a triangle with no angle of 120 degrees, the Fermat point: of an equilateral one, its centre.
    let height = 3f32.sqrt() / 2.0;
    close(&combine("geometric-median", &[&[0.0, 0.0], &[1.0, 0.0], &[0.5, height]]), &[0.5, f64::from(height) / 3.0]);
    // The corner of a square with its diagonal's end doubled in number is beaten by the crossing of the diagonals.
    close(&combine("geometric-median", &[&[0.0, 0.0], &[2.0, 0.0], &[0.0, 2.0], &[2.0, 2.0]]), &[1.0, 1.0]);
    // On a line it is the median, however far the last one goes.
    close(&combine("geometric-median", &[&[1.0], &[2.0], &[1e3]]), &[2.0]);
    // More than half of the weight in one place holds it there.
    let mut updates = [update(0, &[1.0, 1.0]), update(1, &[5.0, 0.0]), update(2, &[-300.0, 7.0])];
    updates[0].weight = 2.5;
    let found = rule("geometric-median").combine(&updates, 1).unwrap();
    assert!(found.iter().all(|value| (value - 1.0).abs() < 1e-3), "{found:?}");
}

#[test]
fn weights_count_where_the_rule_says_so() {
    let mut updates = [update(0, &[1.0]), update(1, &[2.0]), update(2, &[4.0])];
    updates[2].weight = 2.0;
    close(&rule("mean").combine(&updates, 1).unwrap(), &[11.0 / 4.0]);
    close(&rule("median").combine(&updates, 1).unwrap(), &[2.0]);
}

#[test]
fn too_few_clients_are_an_error_for_every_rule() {
    let needs = [1, 1, 3, 3, 5, 5, 5, 3];
    for (name, needs) in RULES.into_iter().zip(needs) {
        assert_eq!(rule(name).needs(), needs, "{name}");
        let updates: Vec<ClientUpdate> = (0..needs as u32).map(|client| update(client, &[1.0])).collect();
        assert_eq!(rule(name).combine(&updates, 1).unwrap(), [1.0], "{name}");
        let error = rule(name).combine(&updates[1..], 1).unwrap_err();
        assert_eq!(error, TooFew { rule: rule(name), needs, found: needs - 1 });
        let text = error.to_string();
        assert!(text.contains(name) && text.contains(&format!("at least {needs} clients")), "{text}");
    }
    assert_eq!(rule("krum:4").needs(), 11);
    assert_eq!(rule("multi-krum:2:9").needs(), 11);
    assert_eq!(rule("trimmed-mean:3").needs(), 7);
}

#[test]
fn names_are_read_and_written() {
    for name in RULES {
        assert_eq!(rule(name).to_string(), name);
    }
    let wrong =
        ["average", "krum", "krum:0", "krum:-1", "krum:1:2", "clip:0", "clip:nan", "clip:inf", "trimmed-mean:0.1"];
    for wrong in wrong.into_iter().chain(["", "mean:1", "multi-krum:1:2:3", "krum:99999999999999999999"]) {
        let error = wrong.parse::<Aggregation>().unwrap_err().to_string();
        assert!(error.contains(&format!("`{wrong}`")) && error.contains("multi-krum"), "{error}");
    }
}

/// Updates of 5 to 9 clients, of 3 values each.
fn updates() -> impl Strategy<Value = Vec<ClientUpdate>> {
    let one = (prop::collection::vec(-10f32..10.0, 3), 0.1f64..10.0);
    prop::collection::vec(one, 5..10).prop_map(|all| {
        all.into_iter()
            .zip(0..)
            .map(|((change, weight), client)| ClientUpdate { weight, ..update(client, &change) })
            .collect()
    })
}

proptest! {
    #[test]
    fn neither_order_nor_workers_change_a_bit(updates in updates(), turn in 0usize..9, wide in 1usize..3) {
        // Wide enough for several blocks.
        let widen = |update: &ClientUpdate| ClientUpdate { change: update.change.repeat(wide * 2000), ..update.clone() };
        let updates: Vec<ClientUpdate> = updates.iter().map(widen).collect();
        let mut turned = updates.clone();
        turned.rotate_left(turn % updates.len());
        turned.swap(0, 1);
        for name in RULES {
            let one = rule(name).combine(&updates, 1).unwrap();
            prop_assert!(one == rule(name).combine(&turned, 1).unwrap(), "{} depends on the order", name);
            prop_assert!(one == rule(name).combine(&updates, 3).unwrap(), "{} depends on the workers", name);
        }
    }

    #[test]
    fn one_opinion_is_a_fixed_point(change in prop::collection::vec(-1f32..1.0, 4), clients in 5usize..9) {
        let same: Vec<&[f32]> = vec![&change; clients];
        for name in RULES {
            let found = combine(name, &same);
            let off = found.iter().zip(&change).map(|(a, b)| (a - f64::from(*b)).abs()).fold(0.0, f64::max);
            prop_assert!(off < 1e-6, "{}: off by {}", name, off);
        }
    }

    /// However far one of five goes, a rule that stands one hostile client stays among the honest ones; the mean does not.
    #[test]
    fn one_hostile_client_cannot_move_it_far(honest in prop::collection::vec(-1f32..1.0, 4), far in 1e2f32..2e3) {
        let values: Vec<[f32; 1]> = honest.iter().map(|value| [*value]).chain([[far]]).collect();
        let changes: Vec<&[f32]> = values.iter().map(|value| value.as_slice()).collect();
        for name in ["median", "trimmed-mean:1", "krum:1", "multi-krum:1", "geometric-median"] {
            let found = combine(name, &changes)[0];
            prop_assert!(found.abs() <= 1.0 + 1e-3, "{}: {}", name, found);
        }
        prop_assert!(combine("clip:1", &changes)[0].abs() <= 1.0);
        prop_assert!(combine("mean", &changes)[0] > 15.0);
    }
}
