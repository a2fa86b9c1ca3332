//! The two ways of counting memorized bits.

/// How the first token of a sequence is counted by a model that does not predict it.
///
/// With a start token every token is predicted and the two are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Accounting {
    /// Only predicted tokens count: N (S-1) log2 V less the code length of the S-1 predicted tokens.
    #[default]
    Strict,
    /// As Morris et al. (2025) count: the first token is credited like the mean of the others, S/(S-1) times the
    /// strict figure.
    Paper,
}

impl Accounting {
    /// The word used in column names and on figures.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Paper => "paper",
        }
    }
}

/// The same quantity by both accountings.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Accounted<T> {
    /// By [`Accounting::Strict`].
    pub strict: T,
    /// By [`Accounting::Paper`].
    pub paper: T,
}

impl<T: Copy> Accounted<T> {
    /// The quantity by one of them.
    pub fn by(&self, accounting: Accounting) -> T {
        match accounting {
            Accounting::Strict => self.strict,
            Accounting::Paper => self.paper,
        }
    }

    /// What is known by both of them.
    pub(crate) fn known(mut of: impl FnMut(Accounting) -> Option<T>) -> Option<Self> {
        Some(Self {
            strict: of(Accounting::Strict)?,
            paper: of(Accounting::Paper)?,
        })
    }

    /// The same function of both.
    pub fn map<U>(self, mut f: impl FnMut(T) -> U) -> Accounted<U> {
        Accounted {
            strict: f(self.strict),
            paper: f(self.paper),
        }
    }
}
