//! Values of Python as JSON and TOML, and back.

use crate::failure;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyMapping, PySequence, PyString, PyTuple};
use serde_json::{Map, Number, Value};

/// What `value` says as JSON. `place` is what errors call it.
///
/// # Errors
/// A `UsageError` for a value that is neither a mapping, a sequence, text, a number, a truth value, a path nor `None`.
pub fn to_json(value: &Bound<PyAny>, place: &str) -> PyResult<Value> {
    let py = value.py();
    let unusable = || {
        let kind = value.get_type().name().map_or_else(|_| "?".into(), |name| name.to_string());
        failure::usage(py, format!("{place} is a {kind}; expected a number, text, a path, a list or a mapping"))
    };
    if value.is_none() {
        return Ok(Value::Null);
    }
    if value.is_instance_of::<PyBool>() {
        return Ok(Value::Bool(value.extract()?));
    }
    if value.is_instance_of::<PyInt>() {
        let number = value.extract::<i64>().map(Number::from).or_else(|_| value.extract::<u64>().map(Number::from));
        return number.map(Value::Number).map_err(|_| failure::usage(py, format!("{place} is beyond 64 bits")));
    }
    if value.is_instance_of::<PyFloat>() {
        let number = Number::from_f64(value.extract()?);
        return number.map(Value::Number).ok_or_else(|| failure::usage(py, format!("{place} is {value}, not finite")));
    }
    if value.is_instance_of::<PyString>() {
        return Ok(Value::String(value.extract()?));
    }
    if let Ok(mapping) = value.cast::<PyMapping>() {
        let mut map = Map::new();
        for pair in mapping.items()? {
            let (key, value): (Bound<PyAny>, Bound<PyAny>) = pair.extract()?;
            let key: String =
                key.extract().map_err(|_| failure::usage(py, format!("{place} has a key {key} that is no text")))?;
            let value = to_json(&value, &format!("{place}[{key:?}]"))?;
            map.insert(key, value);
        }
        return Ok(Value::Object(map));
    }
    if let Ok(sequence) = value.cast::<PySequence>() {
        let items = sequence.to_list()?;
        let items = items.iter().enumerate().map(|(index, item)| to_json(&item, &format!("{place}[{index}]")));
        return Ok(Value::Array(items.collect::<PyResult<_>>()?));
    }
    if let Ok(path) = value.call_method0("__fspath__") {
        return to_json(&path, place);
    }
    // A number of numpy.
    match value.call_method0("item") {
        Ok(item) if !item.is(value) => to_json(&item, place),
        _ => Err(unusable()),
    }
}

/// The same without entries that are `None`, as TOML.
///
/// # Errors
/// As [`to_json`].
pub fn to_toml(value: &Bound<PyAny>, place: &str) -> PyResult<toml::Value> {
    let py = value.py();
    let json = without_null(to_json(value, place)?);
    toml::Value::try_from(json).map_err(|error| failure::usage(py, format!("{place}: {error}")))
}

fn without_null(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(key, value)| (key, without_null(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_null).collect()),
        other => other,
    }
}

/// A JSON value as Python has it.
///
/// # Errors
/// Memory that is not there.
pub fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Null => py.None().into_bound(py),
        Value::Bool(value) => PyBool::new(py, *value).to_owned().into_any(),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => number.into_pyobject(py)?.into_any(),
            (None, Some(number)) => number.into_pyobject(py)?.into_any(),
            // JSON has no other numbers.
            (None, None) => PyFloat::new(py, number.as_f64().unwrap_or(f64::NAN)).into_any(),
        },
        Value::String(text) => PyString::new(py, text).into_any(),
        Value::Array(items) => {
            let items = items.iter().map(|item| to_python(py, item)).collect::<PyResult<Vec<_>>>()?;
            PyList::new(py, items)?.into_any()
        }
        Value::Object(map) => {
            let dict = PyDict::new(py);
            for (key, value) in map {
                dict.set_item(key, to_python(py, value)?)?;
            }
            dict.into_any()
        }
    })
}

/// Anything that serialises, as Python has it.
///
/// # Errors
/// An `UnexpectedError` for what JSON cannot hold.
pub fn of<'py>(py: Python<'py>, value: &impl serde::Serialize) -> PyResult<Bound<'py, PyAny>> {
    let value = serde_json::to_value(value)
        .map_err(|error| failure::raised(py, imfl_run::Failure::new(imfl_run::Kind::Unexpected, error)))?;
    to_python(py, &value)
}

/// Names and values as a tuple of pairs, in order.
///
/// # Errors
/// Memory that is not there.
pub fn pairs<'py>(
    py: Python<'py>,
    named: impl IntoIterator<Item = (&'static str, f64)>,
) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(py, named.into_iter().collect::<Vec<_>>())
}
