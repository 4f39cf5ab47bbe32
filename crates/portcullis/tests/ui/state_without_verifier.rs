use portcullis::{AccessToken, FindVerifier};

#[derive(Clone)]
struct App;

fn extracts<S: FindVerifier>(_: &S) -> Option<AccessToken> {
    None
}

fn main() {
    extracts(&App);
}
