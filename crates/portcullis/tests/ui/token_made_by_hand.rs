use portcullis::AccessToken;

fn main() {
    let _: AccessToken = AccessToken { custom: () };
}
