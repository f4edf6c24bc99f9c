//! The least and the greatest of many values, and the limits that a file gives for them.

use std::borrow::Cow;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType, UInt16Type,
};

/// The least and the greatest of some values.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Extent<'a> {
    Int(i64, i64),
    Float(f64, f64),
    Bool(bool, bool),
    Text(Cow<'a, [u8]>, Cow<'a, [u8]>),
}

impl<'a> Extent<'a> {
    /// Of the values of an array; `None` if there are none.
    pub(super) fn of(array: &'a dyn Array) -> Option<Self> {
        match array.data_type() {
            DataType::Utf8 => {
                let text = array.as_string::<i32>();
                let (min, max) = least_and_greatest(text.iter().flatten().map(str::as_bytes))?;
                Some(Self::Text(Cow::Borrowed(min), Cow::Borrowed(max)))
            }
            DataType::Int64 => {
                let values = array.as_primitive::<Int64Type>();
                let of = arrow::compute::min(values).zip(arrow::compute::max(values));
                of.map(|(min, max)| Self::Int(min, max))
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                let values = array.as_primitive::<TimestampMicrosecondType>();
                let of = arrow::compute::min(values).zip(arrow::compute::max(values));
                of.map(|(min, max)| Self::Int(min, max))
            }
            DataType::UInt16 => {
                let values = array.as_primitive::<UInt16Type>();
                let of = arrow::compute::min(values).zip(arrow::compute::max(values));
                of.map(|(min, max)| Self::Int(min.into(), max.into()))
            }
            DataType::Float64 => {
                let values = array.as_primitive::<Float64Type>();
                let of = arrow::compute::min(values).zip(arrow::compute::max(values));
                of.map(|(min, max)| Self::Float(min, max))
            }
            DataType::Boolean => {
                let values = array.as_boolean();
                let of =
                    arrow::compute::min_boolean(values).zip(arrow::compute::max_boolean(values));
                of.map(|(min, max)| Self::Bool(min, max))
            }
            _ => None,
        }
    }

    /// Takes further values into account.
    pub(super) fn widen(into: &mut Option<Extent<'static>>, more: &Extent<'_>) {
        match (into.as_mut(), more) {
            (Some(Extent::Int(min, max)), Extent::Int(a, b)) => {
                (*min, *max) = ((*min).min(*a), (*max).max(*b));
            }
            (Some(Extent::Float(min, max)), Extent::Float(a, b)) => {
                (*min, *max) = (min.min(*a), max.max(*b));
            }
            (Some(Extent::Bool(min, max)), Extent::Bool(a, b)) => {
                (*min, *max) = (*min & *a, *max | *b);
            }
            (Some(Extent::Text(min, max)), Extent::Text(a, b)) => {
                if a < min {
                    *min = Cow::Owned(a.to_vec());
                }
                if b > max {
                    *max = Cow::Owned(b.to_vec());
                }
            }
            _ => *into = Some(more.owned()),
        }
    }

    fn owned(&self) -> Extent<'static> {
        match self {
            Extent::Int(a, b) => Extent::Int(*a, *b),
            Extent::Float(a, b) => Extent::Float(*a, *b),
            Extent::Bool(a, b) => Extent::Bool(*a, *b),
            Extent::Text(a, b) => Extent::Text(Cow::Owned(a.to_vec()), Cow::Owned(b.to_vec())),
        }
    }
}

fn least_and_greatest<'a>(values: impl Iterator<Item = &'a [u8]>) -> Option<(&'a [u8], &'a [u8])> {
    let mut values = values;
    let first = values.next()?;
    Some(values.fold((first, first), |(min, max), value| {
        if value < min {
            (value, max)
        } else if value > max {
            (min, value)
        } else {
            (min, max)
        }
    }))
}

/// One end of the range in which a file says that values lie.
#[derive(Debug, Clone, Copy)]
pub(super) enum Limit<'a> {
    Int(i64),
    Float(f64),
    Bool(bool),
    Text(&'a [u8]),
}

impl Limit<'_> {
    /// Whether it is not above the least value.
    pub(super) fn is_below(&self, extent: &Extent<'_>) -> bool {
        match (self, extent) {
            (Self::Int(limit), Extent::Int(min, _)) => limit <= min,
            (Self::Float(limit), Extent::Float(min, _)) => limit <= min,
            (Self::Bool(limit), Extent::Bool(min, _)) => limit <= min,
            (Self::Text(limit), Extent::Text(min, _)) => *limit <= min.as_ref(),
            _ => false,
        }
    }

    /// Whether it is not below the greatest value.
    pub(super) fn is_above(&self, extent: &Extent<'_>) -> bool {
        match (self, extent) {
            (Self::Int(limit), Extent::Int(_, max)) => limit >= max,
            (Self::Float(limit), Extent::Float(_, max)) => limit >= max,
            (Self::Bool(limit), Extent::Bool(_, max)) => limit >= max,
            (Self::Text(limit), Extent::Text(_, max)) => *limit >= max.as_ref(),
            _ => false,
        }
    }

    /// Whether it is the least value (or the greatest).
    pub(super) fn is_met(&self, extent: &Extent<'_>, least: bool) -> bool {
        let turned = match extent {
            Extent::Int(min, max) => Extent::Int(*max, *min),
            Extent::Float(min, max) => Extent::Float(*max, *min),
            Extent::Bool(min, max) => Extent::Bool(*max, *min),
            Extent::Text(min, max) => Extent::Text(max.clone(), min.clone()),
        };
        let extent_below = if least { extent } else { &turned };
        let extent_above = if least { &turned } else { extent };
        self.is_below(extent_below) && self.is_above(extent_above)
    }
}
