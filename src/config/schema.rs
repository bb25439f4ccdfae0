//! The JSON Schema of the file, for editors: made of the same description that the reader is made of.

use serde_json::{Value, json};

use super::file::File;
use super::section::{Section, table_schema};

/// Keys that a section must have where it stands at the top.
const REQUIRED: [(&str, &[&str]); 4] =
    [("listen", &["address"]), ("stable", &["url"]), ("shadow", &["url"]), ("control", &["percent"])];

/// JSON Schema (2020-12) of the config file.
pub fn schema() -> Value {
    let mut schema = table_schema(&File::keys());
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("umbrage.toml");
    schema["description"] = json!("The config of Umbrage, a traffic-shadowing reverse proxy.");
    schema["required"] = json!(["listen", "stable"]);
    for (section, keys) in REQUIRED {
        schema["properties"][section]["required"] = json!(keys);
    }
    schema["properties"]["route"]["items"]["required"] = json!(["name"]);
    schema["properties"]["route"]["maxItems"] = json!(super::limits::ROUTES);
    schema
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_types_defaults_bounds_and_what_is_required() {
        let schema = schema();
        let listen = &schema["properties"]["listen"];
        assert_eq!(listen["additionalProperties"], json!(false));
        assert_eq!(listen["required"], json!(["address"]));
        assert_eq!(listen["properties"]["header_timeout"]["default"], json!("10s"));
        assert_eq!(listen["properties"]["workers"]["maximum"], json!(1024));
        let mirror = &schema["properties"]["mirror"]["properties"];
        assert_eq!(mirror["memory"]["default"], json!("64MiB"));
        assert_eq!(mirror["mark"]["default"], json!("umbrage-shadow"));
        assert_eq!(mirror["methods"]["default"], json!(["GET", "HEAD", "OPTIONS"]));
        assert!(mirror["percent"]["description"].as_str().unwrap().contains("0 to 100"));
        assert!(schema["properties"]["route"]["items"]["properties"]["match"].is_object());
    }
}
