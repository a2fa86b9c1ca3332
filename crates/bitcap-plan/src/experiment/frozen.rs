//! An experiment as it is at one moment, its overrides applied, written down to be read again.

use crate::experiment::Experiment;
use crate::experiment::document::{Node, Table, Value};

impl Experiment {
    /// An experiment file that says what this experiment says, whatever becomes of the file it was
    /// read from and of its overrides. Comments are lost.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut root = table(&self.document.root);
        if !self.grid.axes.is_empty() {
            let lists = self.grid.axes.iter().map(|axis| {
                let values = axis.values.iter().map(node).collect();
                (axis.key.clone(), toml::Value::Array(values))
            });
            root.insert("grid".into(), toml::Value::Table(lists.collect()));
        }
        toml::to_string(&root).expect("values that came out of TOML")
    }
}

fn table(table: &Table) -> toml::Table {
    let entries = table.0.iter();
    entries
        .map(|entry| (entry.key.clone(), node(&entry.node)))
        .collect()
}

fn node(at: &Node) -> toml::Value {
    match &at.value {
        // No setting takes a date, so that there is none in an experiment that was planned.
        Value::Text(text) | Value::Date(text) => toml::Value::String(text.clone()),
        Value::Integer(number) => toml::Value::Integer(*number),
        Value::Float(number) => toml::Value::Float(*number),
        Value::Flag(flag) => toml::Value::Boolean(*flag),
        Value::List(nodes) => toml::Value::Array(nodes.iter().map(node).collect()),
        Value::Table(inner) => toml::Value::Table(table(inner)),
    }
}
