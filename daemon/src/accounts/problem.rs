//! What is wrong with a field: the domain's own words, which the API turns into field violations.

/// A field that cannot be as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldProblem {
    /// As in the API: "sender_email", "to[2]".
    pub field: String,
    /// What kind.
    pub problem: Problem,
    /// What is wrong and what would be right, in English.
    pub text: String,
}

impl FieldProblem {
    pub(crate) fn new(field: impl Into<String>, problem: Problem, text: impl Into<String>) -> Self {
        Self { field: field.into(), problem, text: text.into() }
    }
}

/// Kinds of [`FieldProblem`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The value breaks a rule.
    Invalid,
    /// The chosen method cannot do it.
    MethodCannot,
    /// Not available on this host.
    NotAvailable,
    /// Administrators only.
    Denied,
}
