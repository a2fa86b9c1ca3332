//! From a trained model and data to figures.

use std::f64::consts::LN_2;

use bitcap_measure::{
    Ceiling, CodeLengths, CodedData, DataMeasurement, Extraction, Measurement, Membership,
    PositionBits, RocPoint, roc,
};

use bitcap_model::{Model, PredictionTask};

use crate::CellError;
use crate::known_data::KnownData;
use crate::oracle::{Judged, Oracle};
use crate::positions::PositionRows;
use crate::sequences::SequenceRows;

/// What a model makes of a dataset, beside the figures that are made of it.
struct Evaluated {
    code: CodeLengths,
    /// Mean over all sequences, copies too, in nats a predicted token.
    loss: f64,
    extraction: Vec<Extraction>,
    positions: Vec<PositionBits>,
    judged: Option<Judged>,
}

impl Evaluated {
    /// One forward pass of the model, and one of the oracle if that is a model.
    fn of(model: &Model, oracle: &Oracle, data: &KnownData) -> Result<Self, CellError> {
        let task = PredictionTask::new(model.data(), &data.counted().tokens);
        let said = model.predictions(&task)?;
        let code = CodeLengths::new(data.shape, &said.log_probabilities)?;
        // Of copies the model has read each string once; its loss counts as often as the string
        // stands in the data, as it did in training.
        let loss = match data.counts() {
            None => code.mean_nats_per_token(),
            Some(counts) => {
                let bits = code.bits().iter().zip(counts);
                let sum: f64 = bits.map(|(bits, &count)| bits * count as f64).sum();
                let tokens = data.dataset.samples * data.shape.predicted();
                sum * LN_2 / tokens as f64
            }
        };
        Ok(Self {
            loss,
            extraction: Extraction::of(&said.right, data.shape),
            positions: PositionBits::of(&said.log_probabilities, data.shape),
            judged: oracle.judge(data)?,
            code,
        })
    }

    fn coded(&self, data: &KnownData) -> CodedData<'_> {
        CodedData {
            samples: data.dataset.samples,
            loss: self.loss,
            code: &self.code,
            entropy: data.entropy,
            oracle: self.judged.as_ref().map(Judged::bits),
            extraction: &self.extraction,
        }
    }
}

/// A measurement with the files that say more.
pub(crate) struct Measured {
    pub(crate) measurement: Measurement,
    pub(crate) sequences_csv: Vec<u8>,
    pub(crate) positions_csv: Vec<u8>,
    /// Where membership was tried.
    pub(crate) roc_csv: Option<Vec<u8>>,
}

/// Measures `model` on its training data and on `fresh` data.
pub(crate) fn measure(
    model: &Model,
    oracle: &Oracle,
    training: &KnownData,
    fresh: Option<&KnownData>,
) -> Result<Measured, CellError> {
    let mut sequences = SequenceRows::new();
    let mut positions = PositionRows::new();
    let mut add = |name, data: &KnownData| -> Result<Evaluated, CellError> {
        let evaluated = Evaluated::of(model, oracle, data)?;
        sequences.add(name, data, &evaluated.code);
        positions.add(name, &evaluated.positions);
        Ok(evaluated)
    };
    let ceiling = Ceiling::of(&training.counted().tokens, training.shape);
    // In the order in which the files have their rows.
    let known = add("training", training)?;
    let (mut unseen, mut membership, mut roc_csv) = (None, None, None);
    if let Some(fresh) = fresh {
        let evaluated = add("fresh", fresh)?;
        let in_training = fresh.dataset.occurring_in(&training.dataset);
        let (members, others) = (known.code.bits(), evaluated.code.bits());
        // Of each, one half chooses the threshold and the other is scored.
        if members.len() >= 2 && others.len() >= 2 {
            membership = Some(Membership::infer(members, others));
            roc_csv = Some(roc_rows(&roc(members, others)));
        }
        let data = evaluated.coded(fresh);
        unseen = Some(DataMeasurement::new(data, in_training)?);
    }
    let data = known.coded(training);
    let parameters = model.architecture().layout().len() as u64;
    Ok(Measured {
        measurement: Measurement::new(data, &ceiling, parameters, membership, unseen)?,
        sequences_csv: sequences.into_bytes(),
        positions_csv: positions.into_bytes(),
        roc_csv,
    })
}

/// roc.csv: a row a threshold on the code length in bits, sequences no longer than which are called
/// members; training data are the members, fresh data the others.
fn roc_rows(points: &[RocPoint]) -> Vec<u8> {
    let mut text = String::from("threshold_bits,false_positive_rate,true_positive_rate\n");
    for point in points {
        let RocPoint {
            threshold_bits,
            false_positive_rate,
            true_positive_rate,
        } = point;
        text += &format!("{threshold_bits},{false_positive_rate},{true_positive_rate}\n");
    }
    text.into_bytes()
}

/// Measures `model` on any data; `training` is what it was trained on.
pub(crate) fn measure_data(
    model: &Model,
    oracle: &Oracle,
    training: &bitcap_source::Dataset,
    data: &KnownData,
) -> Result<DataMeasurement, CellError> {
    let evaluated = Evaluated::of(model, oracle, data)?;
    let in_training = data.dataset.occurring_in(training);
    Ok(DataMeasurement::new(evaluated.coded(data), in_training)?)
}
