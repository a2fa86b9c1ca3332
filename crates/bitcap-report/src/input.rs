//! CSV in: columns by name, and errors that name file, line and column.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use crate::{Accounted, ReportError};

/// A CSV file held whole, its columns found by name; the order of columns and further ones do not matter.
pub(crate) struct Input {
    path: PathBuf,
    header: csv::StringRecord,
    rows: Vec<csv::StringRecord>,
}

/// No dataset on Earth has as many bits; within it no mean, square or axis overflows.
const MOST: f64 = 1e30;

/// A column that is known to be in the file.
#[derive(Clone, Copy)]
pub(crate) struct Column {
    name: &'static str,
    index: usize,
}

/// One row, with what an error needs to say where it is.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    path: &'a Path,
    record: &'a csv::StringRecord,
}

impl Input {
    pub(crate) fn read(path: &Path) -> Result<Self, ReportError> {
        let malformed = |source: csv::Error| match source.kind() {
            csv::ErrorKind::Io(_) => ReportError::Read {
                path: path.to_path_buf(),
                source: source.into(),
            },
            _ => ReportError::Malformed {
                path: path.to_path_buf(),
                source,
            },
        };
        let file = File::open(path).map_err(|source| ReportError::Read {
            path: path.to_path_buf(),
            source,
        })?;
        let mut reader = csv::Reader::from_reader(file);
        let header = reader.headers().map_err(malformed)?.clone();
        let rows = reader
            .records()
            .collect::<Result<Vec<_>, _>>()
            .map_err(malformed)?;
        Ok(Self {
            path: path.to_path_buf(),
            header,
            rows,
        })
    }

    /// Like [`Self::read`], and `None` where there is no such file.
    pub(crate) fn read_if_there(path: &Path) -> Result<Option<Self>, ReportError> {
        match Self::read(path) {
            Err(ReportError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => {
                Ok(None)
            }
            read => read.map(Some),
        }
    }

    pub(crate) fn column(&self, name: &'static str) -> Result<Column, ReportError> {
        let mut found = (0..self.header.len()).filter(|&i| &self.header[i] == name);
        match (found.next(), found.count()) {
            (Some(index), 0) => Ok(Column { name, index }),
            (first, more) => Err(ReportError::Column {
                path: self.path.clone(),
                column: name,
                times: usize::from(first.is_some()) + more,
            }),
        }
    }

    /// A column that files of before lack.
    pub(crate) fn column_if_there(
        &self,
        name: &'static str,
    ) -> Result<Option<Column>, ReportError> {
        if self.header.iter().all(|field| field != name) {
            return Ok(None);
        }
        self.column(name).map(Some)
    }

    pub(crate) fn rows(&self) -> Result<impl Iterator<Item = Row<'_>>, ReportError> {
        if self.rows.is_empty() {
            return Err(ReportError::Empty {
                path: self.path.clone(),
            });
        }
        Ok(self.rows.iter().map(|record| Row {
            path: &self.path,
            record,
        }))
    }
}

impl<'a> Row<'a> {
    /// Counted from 1, the header being line 1.
    pub(crate) fn line(self) -> u64 {
        self.record.position().map_or(0, csv::Position::line)
    }

    pub(crate) fn text(self, column: Column) -> &'a str {
        &self.record[column.index]
    }

    pub(crate) fn refuse(self, column: Column, allowed: &str) -> ReportError {
        ReportError::Value {
            path: self.path.to_path_buf(),
            line: self.line(),
            column: column.name,
            found: self.text(column).to_owned(),
            allowed: allowed.to_owned(),
        }
    }

    pub(crate) fn conflict(self, problem: String) -> ReportError {
        ReportError::Conflict {
            path: self.path.to_path_buf(),
            line: self.line(),
            problem,
        }
    }

    /// A value that parses and passes `fits`; `allowed` says in words what would.
    pub(crate) fn value<T: FromStr>(
        self,
        column: Column,
        allowed: &str,
        fits: impl Fn(&T) -> bool,
    ) -> Result<T, ReportError> {
        self.text(column)
            .parse()
            .ok()
            .filter(fits)
            .ok_or_else(|| self.refuse(column, allowed))
    }

    pub(crate) fn count(self, column: Column) -> Result<u64, ReportError> {
        self.value(column, "a whole number from 1", |&n: &u64| n >= 1)
    }

    pub(crate) fn bits(self, column: Column) -> Result<f64, ReportError> {
        self.value(column, "a number from -1e30 to 1e30", |x: &f64| {
            x.abs() <= MOST
        })
    }

    /// Both accountings, or neither where nothing is known.
    pub(crate) fn accounted_bits(
        self,
        columns: Accounted<Column>,
    ) -> Result<Option<Accounted<f64>>, ReportError> {
        if self.text(columns.strict).is_empty() && self.text(columns.paper).is_empty() {
            return Ok(None);
        }
        Ok(Some(Accounted {
            strict: self.bits(columns.strict)?,
            paper: self.bits(columns.paper)?,
        }))
    }

    /// As numbers write it.
    pub(crate) fn flag(self, column: Column) -> Result<bool, ReportError> {
        match self.text(column) {
            "0" => Ok(false),
            "1" => Ok(true),
            _ => Err(self.refuse(column, "0 or 1")),
        }
    }

    pub(crate) fn non_negative(self, column: Column) -> Result<f64, ReportError> {
        self.value(column, "a number from 0 to 1e30", |x: &f64| {
            (0.0..=MOST).contains(x)
        })
    }

    pub(crate) fn share(self, column: Column) -> Result<f64, ReportError> {
        self.value(column, "a number from 0 to 1", |x: &f64| {
            (0.0..=1.0).contains(x)
        })
    }

    /// The name of a folder, which leads nowhere else.
    pub(crate) fn folder_name(self, column: Column) -> Result<String, ReportError> {
        self.value(column, "the name of a folder", |name: &String| {
            let mut parts = Path::new(name).components();
            matches!(parts.next(), Some(Component::Normal(part)) if part == name.as_str())
                && parts.next().is_none()
        })
    }

    pub(crate) fn positive(self, column: Column) -> Result<f64, ReportError> {
        self.value(column, "a number from 1e-30 to 1e30", |x: &f64| {
            (1.0 / MOST..=MOST).contains(x)
        })
    }
}
