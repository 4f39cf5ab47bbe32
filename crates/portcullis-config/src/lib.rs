//! Reads portcullis.toml: text in, typed configuration or all of its errors out.
