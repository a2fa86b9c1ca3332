//! CSV files read into records, with errors that name file, line and column.

use std::cell::Cell;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, ErrorKind};
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

/// Reads a file whose rows are `T`s. A column that `T` has a default for may be missing, unless it is among those
/// `needed`, set apart by commas.
///
/// # Errors
/// Where the file cannot be read, a needed column is missing, a column of `T` is there twice, a value is impossible,
/// or there are no rows.
pub(crate) fn read<T: DeserializeOwned>(
    path: &Path,
    needed: &str,
) -> Result<Records<T>, ReportError> {
    let unreadable = |source: io::Error| ReportError::Io {
        action: "read",
        path: path.to_path_buf(),
        source,
    };
    let malformed = |error: csv::Error| match error.kind() {
        csv::ErrorKind::Io(_) => unreadable(error.into()),
        _ => ReportError::Input {
            path: path.to_path_buf(),
            problem: format!("is not a CSV file in UTF-8 with rows of equal length: {error}"),
        },
    };
    let mut reader = csv::Reader::from_reader(File::open(path).map_err(unreadable)?);
    let mut records = Records {
        path: path.to_path_buf(),
        header: reader.headers().map_err(malformed)?.clone(),
        rows: Vec::new(),
    };
    records.check_header(needed)?;
    for record in reader.records() {
        let record = record.map_err(malformed)?;
        let line = record.position().map_or(0, csv::Position::line);
        let row = records.row(line, &record)?;
        records.rows.push((line, row));
    }
    if records.rows.is_empty() {
        return Err(records.wrong("has no rows below its header; it must have at least one"));
    }
    Ok(records)
}

/// Like [`read`], and `None` where there is no such file.
pub(crate) fn read_if_there<T: DeserializeOwned>(
    path: &Path,
    needed: &str,
) -> Result<Option<Records<T>>, ReportError> {
    match read(path, needed) {
        Err(ReportError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// Like [`read`], of a table that `bitcap collect` makes.
pub(crate) fn collected<T: DeserializeOwned>(
    path: &Path,
    needed: &str,
) -> Result<Records<T>, ReportError> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let folder = folder.unwrap_or(Path::new("."));
    let (shown, name) = (
        folder.display(),
        path.file_name().unwrap_or_default().display(),
    );
    read_if_there(path, needed)?.ok_or_else(|| ReportError::Input {
        path: folder.to_path_buf(),
        problem: format!(
            "has no {name}; `bitcap collect {shown}` makes it from the cells that are done"
        ),
    })
}

impl<T> Records<T> {
    /// The rows without their lines.
    pub(crate) fn into_rows(self) -> Vec<T> {
        self.rows.into_iter().map(|(_, row)| row).collect()
    }

    pub(crate) fn has(&self, column: &str) -> bool {
        self.times(column) > 0
    }

    /// What is wrong in a line.
    pub(crate) fn conflict(&self, line: u64, problem: impl Display) -> ReportError {
        self.wrong(format!("line {line}: {problem}"))
    }

    /// What is wrong with an empty field that may be empty elsewhere, but not in this row.
    pub(crate) fn empty(&self, line: u64, column: &str, must: &str) -> ReportError {
        self.conflict(line, format_args!("`{column}` is \"\"; {must}"))
    }

    /// A number that may be missing elsewhere, but not in this row.
    pub(crate) fn known(
        &self,
        line: u64,
        column: &str,
        value: Option<f64>,
    ) -> Result<f64, ReportError> {
        value.ok_or_else(|| self.empty(line, column, NUMBER))
    }

    fn wrong(&self, problem: impl Into<String>) -> ReportError {
        ReportError::Input {
            path: self.path.clone(),
            problem: problem.into(),
        }
    }

    fn times(&self, column: &str) -> usize {
        self.header.iter().filter(|name| *name == column).count()
    }

    fn not_once(&self, column: &str) -> ReportError {
        let times = self.times(column);
        let problem =
            format_args!("the column `{column}` is there {times} times; it must be there once");
        self.conflict(1, problem)
    }

    fn check_header(&self, needed: &str) -> Result<(), ReportError> {
        // Otherwise such a file has one column with a long name, and the error would be that the
        // first needed one is missing.
        if let [all] = self.header.iter().collect::<Vec<_>>()[..]
            && let Some(separator) = all.chars().find(|c| [';', '\t', '|'].contains(c))
        {
            let problem = format_args!(
                "the columns are separated by {separator:?}; they must be separated by commas"
            );
            return Err(self.conflict(1, problem));
        }
        let mut needed = needed.split(',').filter(|column| !column.is_empty());
        let missing = needed.find(|column| !self.has(column));
        missing.map_or(Ok(()), |column| Err(self.not_once(column)))
    }
}

impl<T: DeserializeOwned> Records<T> {
    fn row(&self, line: u64, record: &csv::StringRecord) -> Result<T, ReportError> {
        // An error of serde does not say which field it is of: the one that was asked for last.
        let place = Cell::new(0);
        let fields = self.header.iter().zip(record).enumerate();
        let fields = fields.map(|(at, (name, text))| {
            place.set(at);
            (name, Field(text))
        });
        T::deserialize(MapDeserializer::new(fields)).map_err(|fault| {
            let (name, found) = (&self.header[place.get()], &record[place.get()]);
            match fault {
                Fault::Column(name) => self.not_once(name),
                // The value may be of the column that should not be there at all, so the header is
                // at fault first.
                Fault::Value(_) if self.times(name) > 1 => self.not_once(name),
                Fault::Value(must) => {
                    self.conflict(line, format_args!("`{name}` is {found:?}; {must}"))
                }
            }
        })
    }
}

/// What numbers of all files may be: within it no mean, square or axis overflows.
const MOST: f64 = 1e30;
const NUMBER: &str = "it must be a number from -1e30 to 1e30";

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
        // NaN is not below anything, so that it is refused with infinities.
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

    // Numbers of the other types would arrive as strings and be refused; no record has any.
    forward_to_deserialize_any! {
        i8 i16 i32 i64 u32 f32 char str string bytes byte_buf unit unit_struct newtype_struct seq tuple tuple_struct
        map struct identifier ignored_any
    }
}
