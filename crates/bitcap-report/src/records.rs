//! CSV files read into records, with errors that name file, line and column.

use std::cell::Cell;
use std::fmt::Display;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::de::value::MapDeserializer;
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use crate::error::ReportError;

/// A CSV file with at least one row, columns found by name: their order and further ones do not matter.
pub(crate) struct Records<T> {
    path: PathBuf,
    header: csv::StringRecord,
    /// Each with its line, counted from 1, the header being line 1.
    pub(crate) rows: Vec<(u64, T)>,
}

/// Reads a file whose rows are `T`s. A column that `T` has a default for may be missing, unless it is in `needed`.
///
/// # Errors
/// Where the file cannot be read, a needed column is missing, a column of `T` is there twice, a value is impossible,
/// or there are no rows.
pub(crate) fn read<T: DeserializeOwned>(
    path: &Path,
    needed: &[&'static str],
) -> Result<Records<T>, ReportError> {
    let path = path.to_path_buf();
    let malformed = |source: csv::Error| match source.kind() {
        csv::ErrorKind::Io(_) => ReportError::Read {
            path: path.clone(),
            source: source.into(),
        },
        _ => ReportError::Malformed {
            path: path.clone(),
            source,
        },
    };
    let file = File::open(&path).map_err(|source| ReportError::Read {
        path: path.clone(),
        source,
    })?;
    let mut reader = csv::Reader::from_reader(file);
    let header = reader.headers().map_err(malformed)?.clone();
    let names = || header.iter();
    if let (Some(all), 1) = (names().next(), header.len())
        && let Some(separator) = all.chars().find(|c| [';', '\t', '|'].contains(c))
    {
        return Err(ReportError::Separator { path, separator });
    }
    let occurs = |column: &str| names().filter(|name| *name == column).count();
    let column = |column: &str| ReportError::Column {
        path: path.clone(),
        column: column.to_owned(),
        times: occurs(column),
    };
    if let Some(missing) = needed.iter().find(|name| occurs(name) == 0) {
        return Err(column(missing));
    }
    let mut rows = Vec::new();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(malformed)? {
        let line = record.position().map_or(0, csv::Position::line);
        let place = Cell::new(0);
        let fields = names().zip(&record).enumerate().map(|(at, (name, text))| {
            place.set(at);
            (name, Field(text))
        });
        let row = T::deserialize(MapDeserializer::new(fields)).map_err(|fault| {
            let name = &header[place.get()];
            match fault {
                Fault::Column(name) => column(name),
                Fault::Value(_) if occurs(name) > 1 => column(name),
                Fault::Value(must) => ReportError::Value {
                    path: path.clone(),
                    line,
                    column: name.to_owned(),
                    found: record[place.get()].to_owned(),
                    must,
                },
            }
        })?;
        rows.push((line, row));
    }
    if rows.is_empty() {
        return Err(ReportError::Empty { path });
    }
    Ok(Records { path, header, rows })
}

/// Like [`read`], and `None` where there is no such file.
pub(crate) fn read_if_there<T: DeserializeOwned>(
    path: &Path,
    needed: &[&'static str],
) -> Result<Option<Records<T>>, ReportError> {
    match read(path, needed) {
        Err(ReportError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// Like [`read`], of a table that `bitcap collect` makes.
pub(crate) fn collected<T: DeserializeOwned>(
    path: &Path,
    needed: &[&'static str],
) -> Result<Records<T>, ReportError> {
    read_if_there(path, needed)?.ok_or_else(|| ReportError::NotCollected {
        folder: match path.parent() {
            Some(folder) if folder != Path::new("") => folder.to_path_buf(),
            _ => PathBuf::from("."),
        },
        file: path.file_name().unwrap_or_default().display().to_string(),
    })
}

impl<T> Records<T> {
    pub(crate) fn has(&self, column: &str) -> bool {
        self.header.iter().any(|name| name == column)
    }

    /// An empty field that may be empty elsewhere, but not in this row.
    pub(crate) fn empty(&self, line: u64, column: &str, must: &str) -> ReportError {
        ReportError::Value {
            path: self.path.clone(),
            line,
            column: column.to_owned(),
            found: String::new(),
            must: must.to_owned(),
        }
    }

    pub(crate) fn conflict(&self, line: u64, problem: String) -> ReportError {
        ReportError::Conflict {
            path: self.path.clone(),
            line,
            problem,
        }
    }
}

/// What numbers of all files may be: within it no mean, square or axis overflows.
const MOST: f64 = 1e30;
pub(crate) const NUMBER: &str = "it must be a number from -1e30 to 1e30";

/// Why a row is no record.
#[derive(Debug, thiserror::Error)]
enum Fault {
    /// A column is missing, or there twice.
    #[error("{0}")]
    Column(&'static str),
    /// What the value of the column at hand must be.
    #[error("{0}")]
    Value(String),
}

impl serde::de::Error for Fault {
    fn custom<T: Display>(must: T) -> Self {
        Self::Value(must.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Column(field)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::Column(field)
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        let expected: Vec<String> = expected.iter().map(|name| format!("{name:?}")).collect();
        Self::Value(format!("it must be {}", expected.join(" or ")))
    }
}

/// What stands in one place of the file.
#[derive(Clone, Copy)]
struct Field<'a>(&'a str);

impl Field<'_> {
    fn parsed<T: FromStr>(self, must: &str, fits: impl Fn(&T) -> bool) -> Result<T, Fault> {
        let parsed = self.0.parse().ok().filter(fits);
        parsed.ok_or_else(|| Fault::custom(must))
    }
}

impl<'de> IntoDeserializer<'de, Fault> for Field<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Field<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_bool(self.parsed("it must be true or false", |_| true)?)
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_u8(self.parsed("it must be a whole number from 0 to 255", |_| true)?)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_u16(self.parsed("it must be a whole number from 0 to 65535", |_| true)?)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_u64(self.parsed("it must be a whole number from 0", |_| true)?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_f64(self.parsed(NUMBER, |x: &f64| x.abs() <= MOST)?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            "" => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_enum(self.0.into_deserializer())
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 u32 f32 char str string bytes byte_buf unit unit_struct newtype_struct seq tuple tuple_struct
        map struct identifier ignored_any
    }
}
