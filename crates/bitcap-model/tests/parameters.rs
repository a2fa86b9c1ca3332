//! Parameter counts against the paper's Table 1, and the layout against the counts.

use std::collections::HashSet;
use std::path::PathBuf;

use bitcap_plan::{Gpt2Shape, Layout};
use proptest::prelude::*;

fn shape(layers: usize, width: usize) -> Gpt2Shape {
    Gpt2Shape {
        vocabulary: 2048,
        length: 64,
        layers,
        width,
        heads: 2,
        mlp_ratio: 4,
        tied_head: true,
        start_token: false,
    }
}

#[test]
fn all_rows_of_table_1() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../data/reference/morris2025-table1.csv");
    let mut rows = 0;
    for row in csv::Reader::from_path(path).unwrap().records() {
        let row = row.unwrap();
        let number = |i: usize| row[i].parse::<usize>().unwrap();
        let shape = shape(number(0), number(1));
        assert_eq!(shape.parameters(), number(2) as u64, "{row:?}");
        assert_eq!(Layout::gpt2(&shape).len(), number(2), "{row:?}");
        rows += 1;
    }
    assert_eq!(rows, 16);
}

#[test]
fn start_token_and_head_add_their_rows() {
    let plain = shape(2, 32);
    let start = Gpt2Shape {
        start_token: true,
        ..plain
    };
    assert_eq!(start.parameters(), plain.parameters() + 32);
    let untied = Gpt2Shape {
        tied_head: false,
        ..start
    };
    assert_eq!(untied.parameters(), start.parameters() + 2049 * 32);
    assert_eq!((plain.predicted(), start.predicted()), (63, 64));
}

proptest! {
    #[test]
    fn the_layout_is_a_partition_with_the_matrices_last(
        vocabulary in 2usize..300,
        length in 1usize..40,
        layers in 1usize..5,
        heads in 1usize..4,
        head_width in 1usize..9,
        mlp_ratio in 1usize..6,
        tied_head: bool,
        start_token: bool,
    ) {
        let width = heads * head_width;
        let shape = Gpt2Shape { vocabulary, length, layers, width, heads, mlp_ratio, tied_head, start_token };
        let layout = Layout::gpt2(&shape);
        prop_assert_eq!(layout.len() as u64, shape.parameters());
        let mut end = 0;
        for slot in layout.slots() {
            prop_assert_eq!(slot.offset, end);
            end = slot.range().end;
            prop_assert_eq!(slot.role.is_matrix(), slot.offset >= layout.matrices_start());
        }
        prop_assert_eq!(end, layout.len());
        let names: HashSet<_> = layout.slots().iter().map(|slot| &slot.name).collect();
        prop_assert_eq!(names.len(), layout.slots().len());
    }
}
