//! Layouts: parameter counts against the paper's Table 1 and in closed form, every tensor in its
//! place.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use bitcap_plan::{
    ArchitectureSettings, Gpt2Settings, Group, GruSettings, Layout, LlamaSettings, LstmSettings,
    MambaSettings, MlpSettings, ModelSettings, MoeSettings,
};
use bitcap_source::DataShape;
use proptest::prelude::*;

fn data(start_token: bool) -> DataShape {
    DataShape {
        vocabulary: 2048,
        length: 64,
        start_token,
    }
}

#[test]
fn all_rows_of_table_1() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../data/reference/morris2025-table1.csv");
    let mut rows = 0;
    for row in csv::Reader::from_path(path).unwrap().records() {
        let row = row.unwrap();
        let number = |i: usize| row[i].parse::<u32>().unwrap();
        let model = ModelSettings::Gpt2(Gpt2Settings::new(number(0), number(1), 2));
        assert_eq!(
            model.parameters(&data(false)),
            u64::from(number(2)),
            "{row:?}"
        );
        rows += 1;
    }
    assert_eq!(rows, 16);
}

#[test]
fn start_token_and_head_add_their_rows() {
    let tied = Gpt2Settings::new(2, 32, 2);
    let untied = Gpt2Settings {
        tied_head: false,
        ..tied.clone()
    };
    let parameters = |model: &Gpt2Settings, start_token| model.layout(&data(start_token)).len();
    assert_eq!(parameters(&tied, true), parameters(&tied, false) + 32);
    assert_eq!(
        parameters(&untied, true),
        parameters(&tied, true) + 2049 * 32
    );
    assert_eq!((data(false).predicted(), data(true).predicted()), (63, 64));
}

/// A partition of the flat vector, the matrices last, in which every name is found.
fn in_its_place(layout: &Layout) -> Result<(), TestCaseError> {
    let mut end = 0;
    for slot in layout.slots() {
        prop_assert_eq!(slot.offset, end);
        end = slot.range().end;
        prop_assert_eq!(
            slot.rule.is_matrix(),
            slot.offset >= layout.matrices_start()
        );
        let found = layout.find(&slot.name).unwrap();
        prop_assert_eq!(&layout.slots()[found.index()], slot);
    }
    prop_assert_eq!(end, layout.len());
    let names: HashSet<_> = layout.slots().iter().map(|slot| &slot.name).collect();
    prop_assert_eq!(names.len(), layout.slots().len());
    let counts = layout.parameters();
    prop_assert_eq!(counts.values().sum::<u64>(), layout.len() as u64);
    Ok(())
}

/// Parameters by group in closed form, those without any left out.
fn counts(of: &[(Group, u64)]) -> BTreeMap<Group, u64> {
    of.iter().copied().filter(|(_, count)| *count > 0).collect()
}

proptest! {
    #[test]
    fn the_layout_is_a_partition_with_the_matrices_last(
        vocabulary in 2u32..300,
        length in 1usize..40,
        layers in 1u32..5,
        heads in 1u32..4,
        head_width in 1u32..9,
        mlp_ratio in 1u32..6,
        tied_head: bool,
        start_token: bool,
    ) {
        let settings = Gpt2Settings {
            mlp_ratio,
            tied_head,
            start_token,
            ..Gpt2Settings::new(layers, heads * head_width, heads)
        };
        let layout = settings.layout(&DataShape { vocabulary, length, start_token });
        in_its_place(&layout)?;

        // By group in closed form: with a ratio of 4 a block has 12 d² + 13 d in all.
        let (d, m, l) = (u64::from(settings.width), u64::from(mlp_ratio), u64::from(layers));
        let table = (u64::from(vocabulary) + u64::from(start_token)) * d;
        let expected = [
            (Group::TokenEmbedding, table),
            (Group::PositionEmbedding, length as u64 * d),
            (Group::Attention, l * (4 * d * d + 4 * d)),
            (Group::Mlp, l * (2 * m * d * d + m * d + d)),
            (Group::LayerNorm, l * 4 * d + 2 * d),
            (Group::Head, if tied_head { 0 } else { table }),
        ];
        prop_assert_eq!(layout.parameters(), counts(&expected));
    }

    #[test]
    fn a_llama_has_so_many(
        vocabulary in 2u32..300,
        length in 1usize..40,
        layers in 1u32..5,
        heads in 1u32..4,
        pairs in 1u32..5,
        mlp_width in proptest::option::of(1u32..50),
        tied_head: bool,
        start_token: bool,
    ) {
        let settings = LlamaSettings {
            mlp_width,
            tied_head,
            start_token,
            ..LlamaSettings::new(layers, 2 * heads * pairs, heads)
        };
        settings.validate().unwrap();
        let layout = settings.layout(&DataShape { vocabulary, length, start_token });
        in_its_place(&layout)?;
        let (d, l) = (u64::from(settings.width), u64::from(layers));
        // By default the least that is 8/3 of the width.
        let m = mlp_width.map_or((8 * d).div_ceil(3), u64::from);
        let table = (u64::from(vocabulary) + u64::from(start_token)) * d;
        let expected = [
            (Group::TokenEmbedding, table),
            (Group::Attention, l * 4 * d * d),
            (Group::Mlp, l * 3 * m * d),
            (Group::LayerNorm, l * 2 * d + d),
            (Group::Head, if tied_head { 0 } else { table }),
        ];
        prop_assert_eq!(layout.parameters(), counts(&expected));
    }

    #[test]
    fn a_mixture_of_experts_has_so_many(
        vocabulary in 2u32..300,
        length in 1usize..40,
        layers in 1u32..5,
        heads in 1u32..4,
        pairs in 1u32..5,
        mlp_width in proptest::option::of(1u32..50),
        experts in 1u32..9,
        unused in 0u32..8,
        tied_head: bool,
        start_token: bool,
    ) {
        let experts_per_token = (experts - unused.min(experts)).max(1);
        let settings = MoeSettings {
            mlp_width,
            experts,
            experts_per_token,
            tied_head,
            start_token,
            ..MoeSettings::new(layers, 2 * heads * pairs, heads)
        };
        settings.validate().unwrap();
        let data = DataShape { vocabulary, length, start_token };
        let layout = settings.layout(&data);
        in_its_place(&layout)?;
        let (d, l) = (u64::from(settings.width), u64::from(layers));
        let m = mlp_width.map_or((8 * d).div_ceil(3), u64::from);
        let (e, k) = (u64::from(experts), u64::from(experts_per_token));
        let table = (u64::from(vocabulary) + u64::from(start_token)) * d;
        let with = |experts_used: u64| {
            [
                (Group::TokenEmbedding, table),
                (Group::Attention, l * 4 * d * d),
                (Group::Mlp, l * experts_used * 3 * m * d),
                (Group::Router, l * e * d),
                (Group::LayerNorm, l * 2 * d + d),
                (Group::Head, if tied_head { 0 } else { table }),
            ]
        };
        prop_assert_eq!(layout.parameters(), counts(&with(e)));
        let active: u64 = with(k).iter().map(|(_, count)| count).sum();
        prop_assert_eq!(settings.active_parameters(&data), active);
        prop_assert_eq!(settings.multiply_adds_a_token(&data), active as f64);
    }

    #[test]
    fn recurrent_networks_have_so_many(
        vocabulary in 2u32..300,
        length in 1usize..40,
        layers in 1u32..5,
        width in 1u32..20,
        tied_head: bool,
        start_token: bool,
    ) {
        let data = DataShape { vocabulary, length, start_token };
        let (d, l) = (u64::from(width), u64::from(layers));
        let table = (u64::from(vocabulary) + u64::from(start_token)) * d;
        let lstm = LstmSettings { layers, width, tied_head, start_token };
        let gru = GruSettings { layers, width, tied_head, start_token };
        for (gates, layout) in [(4, lstm.layout(&data)), (3, gru.layout(&data))] {
            in_its_place(&layout)?;
            let expected = [
                (Group::TokenEmbedding, table),
                // Input and state: a matrix and a bias for each gate.
                (Group::Recurrent, l * gates * 2 * (d * d + d)),
                (Group::Head, if tied_head { 0 } else { table }),
            ];
            prop_assert_eq!(layout.parameters(), counts(&expected));
        }
    }

    #[test]
    fn an_mlp_has_so_many(
        vocabulary in 2u32..300,
        length in 2usize..40,
        layers in 1u32..5,
        width in 1u32..20,
        mlp_ratio in 1u32..6,
        tied_head: bool,
        start_token: bool,
    ) {
        let data = DataShape { vocabulary, length, start_token };
        let settings = MlpSettings { layers, width, mlp_ratio, tied_head, start_token };
        let layout = settings.layout(&data);
        in_its_place(&layout)?;
        let (d, m, l) = (u64::from(width), u64::from(mlp_ratio), u64::from(layers));
        let table = (u64::from(vocabulary) + u64::from(start_token)) * d;
        let s = data.predicted() as u64;
        let expected = [
            (Group::TokenEmbedding, table),
            // Of position t, a weight for each up to it.
            (Group::Mixing, l * ((1..=s).sum::<u64>() + s)),
            (Group::Mlp, l * (2 * m * d * d + m * d + d)),
            (Group::LayerNorm, l * 4 * d + 2 * d),
            (Group::Head, if tied_head { 0 } else { table }),
        ];
        prop_assert_eq!(layout.parameters(), counts(&expected));
        // Each position is mixed for every feature: over a sequence, its triangle d times.
        let others = layout.len() as u64 - l * (1..=s).sum::<u64>();
        let whole = others * s + l * (1..=s).sum::<u64>() * d;
        let said = settings.multiply_adds_a_token(&data) * s as f64;
        prop_assert!((said - whole as f64).abs() < 1e-9 * whole as f64);
    }

    #[test]
    fn a_mamba_has_so_many(
        vocabulary in 2u32..300,
        length in 1usize..40,
        layers in 1u32..5,
        width in 1u32..40,
        state in 1u32..9,
        expand in 1u32..4,
        conv_kernel in 1u32..6,
        tied_head: bool,
        start_token: bool,
    ) {
        let settings = MambaSettings {
            state,
            expand,
            conv_kernel,
            tied_head,
            start_token,
            ..MambaSettings::new(layers, width)
        };
        settings.validate().unwrap();
        let layout = settings.layout(&DataShape { vocabulary, length, start_token });
        in_its_place(&layout)?;
        let (d, l, n) = (u64::from(width), u64::from(layers), u64::from(state));
        let (e, k) = (u64::from(expand) * d, u64::from(conv_kernel));
        let r = d.div_ceil(16);
        let table = (u64::from(vocabulary) + u64::from(start_token)) * d;
        // Maps in and out, the convolution with its bias, Δ, B and C of the channels, Δ to all channels
        // with its bias, A and D.
        let mixer = 2 * e * d + d * e + e * (k + 1) + (r + 2 * n) * e + e * (r + 1) + e * (n + 1);
        let expected = [
            (Group::TokenEmbedding, table),
            (Group::Mixing, l * mixer),
            (Group::LayerNorm, l * d + d),
            (Group::Head, if tied_head { 0 } else { table }),
        ];
        prop_assert_eq!(layout.parameters(), counts(&expected));
    }
}
