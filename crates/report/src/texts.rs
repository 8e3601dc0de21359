//! Texts by class, authentic beside generated.

use crate::table::Table;
use imfl_engine::data::{Dataset, Kind};

/// Texts of a class that are shown, of each of both.
const SHOWN: usize = 4;

/// A few texts of each class that `generated` has some of; nothing where samples are no texts.
pub fn table(authentic: &Dataset, generated: &Dataset) -> Option<Table> {
    let Kind::Text(vocabulary) = generated.kind.as_ref() else { return None };
    let line = |data: &Dataset, index: Option<&u32>| {
        index.map_or_else(String::new, |&index| vocabulary.decode(data.image(index as usize)))
    };
    let (given, own) = (generated.by_class(), authentic.by_class());
    let classes = given.iter().zip(&own).zip(&generated.class_names).filter(|((given, _), _)| !given.is_empty());
    let rows = classes.flat_map(|((given, own), name)| {
        let shown = given.len().max(own.len()).min(SHOWN);
        (0..shown).map(move |place| {
            let name = if place == 0 { name.clone() } else { String::new() };
            vec![name, line(authentic, own.get(place)), line(generated, given.get(place))]
        })
    });
    Some(Table {
        title: "Texts of each class that some client missed, as a model gets them".into(),
        header: ["class", "authentic", "generated for clients"].map(str::to_string).into(),
        rows: rows.collect(),
    })
}

/// Up to so many samples of each class, as a CSV file; nothing where samples are pictures.
pub fn csv(generated: &Dataset, of_class: usize) -> Option<String> {
    let picks = generated.by_class().into_iter().flat_map(|class| class.into_iter().take(of_class));
    generated.select(&picks.collect::<Vec<u32>>()).to_csv().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use imfl_engine::data::Vocabulary;
    use std::sync::Arc;

    #[test]
    fn authentic_texts_stand_beside_generated_ones_of_their_class() {
        let vocabulary = Vocabulary::of_counts(["a", "b"].map(|word| (word.to_string(), 1)).into(), 9);
        let kind = Arc::new(Kind::Text(vocabulary.clone()));
        let data = |texts: &[(&str, u16)]| {
            let bytes = texts.iter().flat_map(|(text, _)| vocabulary.coder().encode(text).record).collect();
            let labels = texts.iter().map(|(_, label)| *label).collect();
            let names = ["x", "y", "z"].map(str::to_string).into();
            Dataset::of_kind(kind.clone(), "t", vocabulary.shape(), names, bytes, labels).unwrap()
        };
        let (own, drawn) = (data(&[("a", 0), ("b", 1), ("a a", 0), ("c", 2)]), data(&[("b a", 2), ("b", 0)]));
        let found = table(&own, &drawn).unwrap();
        let rows: Vec<String> = found.rows.iter().map(|row| row.join("|")).collect();
        assert_eq!(rows, ["x|a|b", "|a a|", "z|_|b a"]);
        assert_eq!(csv(&drawn, 1).unwrap(), "label,text\nx,b\nz,b a\n");
    }
}
