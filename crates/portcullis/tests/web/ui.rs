/// What the compiler says to whoever leaves something out. The messages are ours, by
/// `diagnostic::on_unimplemented`; the files beside the sources have them whole.
#[test]
fn compile_errors_say_what_is_missing() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
}
