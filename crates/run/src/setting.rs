//! One definition of a setting: its field, key, default, flag, environment name and help.

/// A setting as files, flags, the environment and the documentation know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its dotted key in a file: `training.rounds`.
    pub key: String,
    /// What stands for its value in a help text: `ROUNDS`.
    pub placeholder: String,
    /// What it is for.
    pub help: String,
    /// The value where nobody says anything, or in words what happens then.
    pub default: String,
    /// Whether the default is in words.
    pub optional: bool,
    /// What can be said, where that is a choice.
    pub choices: Option<String>,
    /// Its flag, without dashes; every setting can also be said by `--set KEY=VALUE`.
    pub flag: Option<&'static str>,
    /// Other names of the flag.
    pub aliases: Vec<&'static str>,
    /// Its environment variable.
    pub environment: Option<&'static str>,
}

impl Setting {
    pub(crate) fn new(key: &str, help: &[&str]) -> Self {
        let help = help.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
        let help = help.trim_end_matches('.').to_string();
        let (placeholder, default, choices) = (key.to_uppercase(), String::new(), None);
        Self {
            key: key.into(),
            placeholder,
            help,
            default,
            optional: false,
            choices,
            flag: None,
            aliases: vec![],
            environment: None,
        }
    }

    pub(crate) fn flag(self, flag: &'static str) -> Self {
        Self { flag: Some(flag), ..self }
    }

    pub(crate) fn alias(mut self, alias: &'static str) -> Self {
        self.aliases.push(alias);
        self
    }

    pub(crate) fn environment(self, name: &'static str) -> Self {
        Self { environment: Some(name), ..self }
    }

    /// What happens where nobody says anything, for a setting that then has no value.
    pub(crate) fn absent(self, words: &str) -> Self {
        Self { default: words.into(), ..self }
    }

    pub(crate) fn below(mut self, section: &str) -> Self {
        if !section.is_empty() {
            self.key = format!("{section}.{}", self.key);
        }
        self
    }
}

/// A text that is no value of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// No such key.
    Key,
    /// Not of the key's type, as a word where a number is expected.
    Type(String),
    /// None of the choices, or not what they ask for.
    Choice(String),
}

/// A field of the configuration: a value, a value that may be absent, or a section of fields.
pub(crate) trait Field {
    /// Sets what `key` names, which is empty for a value.
    fn set(&mut self, key: &str, text: &str) -> Result<(), Wrong>;
    /// The settings in here, this being the default.
    fn settings(&self, about: Setting) -> Vec<Setting>;
    /// Whether a file leaves it out.
    fn is_absent(&self) -> bool {
        false
    }
}

/// A type of values.
pub(crate) trait Value: Sized {
    /// Reads one.
    fn read(text: &str) -> Result<Self, Wrong>;
    /// As [`Value::read`] reads it.
    fn write(&self) -> String;
    /// What can be said, where that is a choice.
    fn offered() -> Option<String> {
        None
    }
}

impl<T: Value> Field for T {
    fn set(&mut self, key: &str, text: &str) -> Result<(), Wrong> {
        if !key.is_empty() {
            return Err(Wrong::Key);
        }
        *self = T::read(text)?;
        Ok(())
    }

    fn settings(&self, about: Setting) -> Vec<Setting> {
        vec![Setting { default: self.write(), choices: T::offered(), ..about }]
    }
}

impl<T: Value> Field for Option<T> {
    fn set(&mut self, key: &str, text: &str) -> Result<(), Wrong> {
        if !key.is_empty() {
            return Err(Wrong::Key);
        }
        *self = Some(T::read(text)?);
        Ok(())
    }

    fn settings(&self, about: Setting) -> Vec<Setting> {
        vec![Setting { optional: true, choices: T::offered(), ..about }]
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

/// Types whose `FromStr` and `Display` are what people write; with choices where they have some.
macro_rules! values {
    ($($type:ty),+ $(,)?) => {
        $(values!(@ $type, Type, None);)+
    };
    ($($type:ty: $choices:expr),+ $(,)?) => {
        $(values!(@ $type, Choice, Some($choices.to_string()));)+
    };
    (@ $type:ty, $wrong:ident, $choices:expr) => {
        impl $crate::setting::Value for $type {
            fn read(text: &str) -> Result<Self, $crate::setting::Wrong> {
                text.parse::<$type>().map_err(|error| $crate::setting::Wrong::$wrong(error.to_string()))
            }

            fn write(&self) -> String {
                self.to_string()
            }

            fn offered() -> Option<String> {
                $choices
            }
        }
    };
}

/// Defines a section of the configuration: a struct, its defaults, and for each field what a file, a command line and the
/// documentation have to know of it.
macro_rules! settings {
    ($(#[$about:meta])+ $name:ident {
        $($(#[doc = $help:literal])+ $field:ident: $type:ty = $default:expr $(, $option:ident $text:literal)*;)+
    }) => {
        $(#[$about])+
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $($(#[doc = $help])+
            #[serde(skip_serializing_if = "crate::setting::Field::is_absent")]
            pub $field: $type,)+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default),+ }
            }
        }

        impl $crate::setting::Field for $name {
            fn set(&mut self, key: &str, text: &str) -> Result<(), $crate::setting::Wrong> {
                let (field, rest) = key.split_once('.').unwrap_or((key, ""));
                match field {
                    $(stringify!($field) => self.$field.set(rest, text),)+
                    _ => Err($crate::setting::Wrong::Key),
                }
            }

            fn settings(&self, about: $crate::setting::Setting) -> Vec<$crate::setting::Setting> {
                let mut all = Vec::new();
                $(
                    let field = $crate::setting::Setting::new(stringify!($field), &[$($help),+])$(.$option($text))*;
                    all.extend(self.$field.settings(field.below(&about.key)));
                )+
                all
            }
        }
    };
}

pub(crate) use {settings, values};
