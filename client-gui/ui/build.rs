//! Compiles the windows, with the translations of `lang/` built in.

fn main() {
    let configuration = slint_build::CompilerConfiguration::new()
        .with_style("fluent".into())
        .with_bundled_translations("lang")
        // So that the tests find elements by what a screen reader says of them.
        .with_debug_info(std::env::var("PROFILE").is_ok_and(|profile| profile == "debug"))
        // One English text has one translation, wherever it stands.
        .with_default_translation_context(slint_build::DefaultTranslationContext::None);
    slint_build::compile_with_config("main.slint", configuration).expect("the windows compile");
}
