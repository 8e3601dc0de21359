//! Sounds to listen to on a page.

use base64::{Engine, engine::general_purpose::STANDARD};
use imfl_engine::data::sound::wav;
use imfl_engine::data::{Dataset, Kind, Spectrogram};
use maud::{Markup, html};

/// The most bytes of a page that sounds take.
const MOST: usize = 1 << 20;

/// A player for an authentic sound of each class and one for a generated sound, where there is one; nothing where samples are no sounds. Both
/// are made from spectrograms, which is all that a model gets of them. A page holds as many classes as a megabyte does, and at least one.
pub fn players(authentic: &Dataset, generated: Option<&Dataset>) -> Option<Markup> {
    let Kind::Sound(settings) = authentic.kind.as_ref() else { return None };
    let first = |data: &Dataset| -> Vec<Option<u32>> {
        data.by_class().into_iter().map(|class| class.first().copied()).collect()
    };
    let (own, drawn) = (first(authentic), generated.map(|generated| (generated, first(generated))));
    let row = |class: usize| {
        let own = own[class].map(|index| (authentic, index));
        let drawn = drawn.as_ref().and_then(|(data, first)| Some((*data, (*first.get(class)?)?)));
        [("authentic", own), ("generated", drawn)]
    };
    // 16 bits a sample, in base64, twice.
    let bytes = 2 * settings.samples * 4 / 3 * 2;
    let shown = (MOST / bytes.max(1)).max(1).min(authentic.classes());
    Some(html! {
        div.scroll tabindex="0" role="group" aria-label="Sounds of each class" {
            table.sounds {
                caption {
                    "A sound of each class, made back from its spectrogram (Griffin and Lim 1984), which is all that a model gets of it."
                    @if shown < authentic.classes() { " The first " (shown) " of " (authentic.classes()) " classes." }
                }
                thead { tr { th scope="col" { "class" } th scope="col" { "authentic" } th scope="col" { "generated" } } }
                tbody {
                    @for (class, name) in authentic.class_names.iter().take(shown).enumerate() {
                        tr {
                            th scope="row" { (name) }
                            @for (origin, sound) in row(class) {
                                td {
                                    @match sound {
                                        Some((data, index)) => (player(settings, data.image(index as usize), name, origin)),
                                        None => "-",
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    })
}

fn player(settings: &Spectrogram, picture: &[u8], class: &str, origin: &str) -> Markup {
    let file = wav(&settings.waveform(picture), settings.rate);
    let source = format!("data:audio/wav;base64,{}", STANDARD.encode(file));
    html! { audio controls aria-label=(format!("{class}, {origin}")) src=(source) {} }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn each_class_has_players_with_labels_and_nothing_is_loaded() {
        let settings = Spectrogram::suited(8000, 800);
        let names = vec!["<low>".to_string(), "high".into()];
        let data = |labels: Vec<u16>| {
            let pictures = vec![99; 1024 * labels.len()];
            Dataset::of_kind(Arc::new(Kind::Sound(settings)), "t", settings.shape(), names.clone(), pictures, labels)
        };
        let (authentic, generated) = (data(vec![1, 0, 0]).unwrap(), data(vec![1]).unwrap());
        let page = players(&authentic, Some(&generated)).unwrap().into_string();
        assert_eq!(page.matches("<audio controls").count(), 3, "{page}");
        assert!(
            page.contains("aria-label=\"&lt;low&gt;, authentic\"") && page.contains("aria-label=\"high, generated\"")
        );
        assert!(page.contains("data:audio/wav;base64,UklGR") && !page.contains("http"));
        let images = Dataset::new("t", settings.shape(), names.clone(), vec![0; 1024], vec![0]).unwrap();
        assert!(players(&images, None).is_none());
    }
}
