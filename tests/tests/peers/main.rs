//! Against a real Postfix with Dovecot's sign-in. Run by `tests/run peers`.

mod harness;
