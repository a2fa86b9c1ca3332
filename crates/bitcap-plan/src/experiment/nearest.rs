//! The known key that a mistyped one was probably meant to be.

/// The candidate nearest to `key` by edit distance (insertions, deletions, replacements and swaps
/// of neighbours), if it is near enough to be worth suggesting: at most a third of the word away.
/// Only what follows the last dot is compared; the rest is the section that both stand in.
pub(crate) fn nearest<'a>(key: &str, candidates: &'a [String]) -> Option<&'a str> {
    let word = last(key);
    // Nobody mistypes a key of hundreds of characters; the distance costs time with its square.
    let length = word.chars().count();
    if length > 200 {
        return None;
    }
    candidates
        .iter()
        // `grid.model.*` stands for many keys, and is none.
        .filter(|candidate| !candidate.ends_with('*'))
        .map(|candidate| (distance(word, last(candidate)), candidate.as_str()))
        .min_by_key(|&(distance, _)| distance)
        .filter(|&(distance, _)| 3 * distance <= length.max(3))
        .map(|(_, candidate)| candidate)
}

fn last(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

/// Optimal string alignment distance, row by row.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let mut least = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    least = least.min(rows[i - 2][j - 2] + 1);
                }
                least
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_of_known_pairs() {
        for (a, b, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("saturday", "sunday", 3),
            ("widht", "width", 1),
            ("ca", "abc", 3),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
            assert_eq!(distance(b, a), expected, "{b} {a}");
        }
    }

    #[test]
    fn only_near_words_are_suggested() {
        let keys = ["model.width", "model.layers", "train.steps"].map(String::from);
        assert_eq!(nearest("model.widht", &keys), Some("model.width"));
        assert_eq!(nearest("train.step", &keys), Some("train.steps"));
        assert_eq!(nearest("model.colour", &keys), None);
        assert_eq!(nearest("train.stpes", &keys), Some("train.steps"));
        assert_eq!(nearest("train.spot", &keys), None);
        assert_eq!(nearest(&"x".repeat(100_000), &keys), None);
    }
}
