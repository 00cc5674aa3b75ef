//! What somebody may have meant by a word that is none.

/// Of Jaro's similarity, as clap has it for options.
const ALIKE: f64 = 0.7;

/// The word of `known` that is most like `word`, if one is like it at all.
pub(crate) fn to<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let alike = known.iter().map(|known| (strsim::jaro(word, known), *known));
    alike.filter(|(how, _)| *how > ALIKE).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_nearest_word_is_found_and_none_that_is_far_away() {
        let known = ["server", "security", "sender-email"];
        for (word, nearest) in
            [("sevrer", Some("server")), ("securty", Some("security")), ("zzz", None), ("", None)]
        {
            assert_eq!(super::to(word, &known), nearest, "{word}");
        }
    }
}
