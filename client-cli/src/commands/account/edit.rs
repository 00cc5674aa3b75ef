//! `account edit [ID]`: the settings in the user's editor, until they are good or given up.

use faxpost_proto::{
    reason,
    v1::{Account, UpdateAccountRequest, UpdateAccountResponse, accounts_client::AccountsClient},
};
use prost_types::FieldMask;
use tonic::transport::Channel;

use super::{SecretChanges, get, set, warn};
use crate::{
    commands::{Context, request},
    document::{self, Mistake, Read},
    editor::{Draft, Failure},
    error::{Error, told},
    lang::Texts,
    settings::{Changes, KEYS, Key},
    times,
};

/// Lines that are ours, and go with every round.
const MARK: &str = "#!";

pub(super) async fn run(id: String, context: &mut Context) -> Result<(), Error> {
    let texts = context.texts;
    let mut client = context.accounts().await?;
    let mut base = get(&mut client, &id).await?;
    let draft = Draft::new(&base.id).map_err(|failure| failed(failure, texts))?;
    let untouched = fresh(&base, texts);
    let mut text = untouched.clone();
    // What the editor gave back last; the same again is giving up.
    let mut last = text.clone();
    let answer = loop {
        let edited = match draft.edit(&text) {
            Ok(edited) => edited,
            Err(failure) if draft.holds(&untouched) => return Err(failed(failure, texts)),
            Err(failure) => return Err(kept(draft, failed(failure, texts), context)),
        };
        let given_up = edited == last || edited.trim().is_empty();
        let mistakes = match document::read_one(&edited, texts) {
            Ok(read) => {
                let changes = changed(&base, &read, texts);
                if changes.fields.is_empty() {
                    context.out.note(texts.unchanged)?;
                    return Ok(());
                }
                if given_up {
                    // Whatever is in it was shown to be wrong.
                    return Err(kept(draft, Error::Data(texts.accounts.not_imported.to_owned()), context));
                }
                match update(&mut client, &base, changes).await {
                    Ok(answer) => break answer,
                    Err(error) if error.has_reason(reason::ETAG_MISMATCH) => {
                        let now = get(&mut client, &id).await?;
                        text = merged(&base, &now, &read, texts);
                        last.clone_from(&text);
                        base = now;
                        continue;
                    }
                    Err(error) if !error.violations().is_empty() => at_fields(&error, &read, texts),
                    Err(error) => return Err(kept(draft, error, context)),
                }
            }
            Err(_) if edited.trim().is_empty() => {
                context.out.note(texts.unchanged)?;
                return Ok(());
            }
            Err(mistakes) => mistakes,
        };
        if given_up {
            let line = |mistake: &Mistake| (texts.accounts.line)(&mistake.line.to_string());
            let told = mistakes.iter().map(|mistake| format!("{}: {}", line(mistake), mistake.text));
            let told = told.collect::<Vec<_>>().join("\n");
            return Err(kept(draft, Error::Data(told), context));
        }
        text = annotated(&edited, &mistakes, texts);
        last.clone_from(&text);
    };
    if context.out.is_json() {
        context.out.json(&answer)?;
    } else {
        set::tell(&base, &answer, &[], false, SecretChanges::default(), context)?;
    }
    warn(&answer.account.unwrap_or_default(), context).await
}

async fn update(
    client: &mut AccountsClient<Channel>,
    base: &Account,
    changes: Changes,
) -> Result<UpdateAccountResponse, Error> {
    let call = UpdateAccountRequest {
        account: Some(Account { id: base.id.clone(), etag: base.etag.clone(), ..changes.account }),
        update_mask: Some(FieldMask { paths: changes.fields }),
        validate_only: false,
    };
    Ok(client.update_account(request(call)).await?.into_inner())
}

fn fresh(account: &Account, texts: &Texts) -> String {
    let header = (texts.accounts.edit_header)(&account.id);
    format!("{}\n{}", document::comment(&header), document::write_one(account, texts))
}

/// What of the file differs from the account as it was opened.
fn changed(base: &Account, read: &Read, texts: &Texts) -> Changes {
    let mut changes = Changes::default();
    for key in KEYS.iter().filter(|key| has(read, key)) {
        let value = (key.show)(&read.changes.account);
        if value != shown(key, base) {
            // It was read from a good value, so it is one.
            let _ = changes.put(key.name, &value, texts);
        }
    }
    changes
}

fn has(read: &Read, key: &Key) -> bool {
    read.changes.fields.iter().any(|field| field == key.field)
}

/// As a document has it.
fn shown(key: &Key, account: &Account) -> String {
    let made_up = key.name == "sender-email" && account.sender_email_is_default;
    if made_up { String::new() } else { (key.show)(account) }
}

/// Somebody else was faster: his settings where this user changed nothing, and this user's where he did, with what is there
/// now above them.
fn merged(base: &Account, now: &Account, read: &Read, texts: &Texts) -> String {
    let mine = changed(base, read, texts);
    let mut account = now.clone();
    let mut conflicts = Vec::new();
    for key in KEYS.iter().filter(|key| mine.fields.iter().any(|field| field == key.field)) {
        let (was, is, wanted) = (shown(key, base), shown(key, now), (key.show)(&mine.account));
        if was != is && is != wanted {
            conflicts.push((key, is));
        }
        let mut one = Changes { account, fields: Vec::new() };
        let _ = one.put(key.name, &wanted, texts);
        account = one.account;
        if key.name == "sender-email" {
            account.sender_email_is_default = false;
        }
    }
    let text = fresh(&account, texts);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (key, theirs) in conflicts {
        let at = lines.iter().position(|line| line.starts_with(&format!("{} =", key.name))).unwrap_or(0);
        let theirs = if theirs.is_empty() { texts.default_value.to_owned() } else { theirs };
        let sentence = marked(&(texts.accounts.edit_theirs)(key.name, &theirs));
        lines.insert(at, sentence);
    }
    let who = (texts.accounts.edit_overtaken)(&now.updated_by, &times::local(now.update_time.as_ref()));
    lines.insert(0, marked(&who));
    lines.join("\n") + "\n"
}

/// The text with what is wrong above its place, and without what was said before.
fn annotated(text: &str, mistakes: &[Mistake], texts: &Texts) -> String {
    let mut lines = vec![marked(texts.accounts.edit_wrong)];
    for (index, line) in text.lines().enumerate() {
        let here = mistakes.iter().filter(|mistake| mistake.line == index + 1);
        lines.extend(here.map(|mistake| marked(&mistake.text)));
        if !line.starts_with(MARK) {
            lines.push(line.to_owned());
        }
    }
    let count = text.lines().count();
    lines.extend(mistakes.iter().filter(|mistake| mistake.line > count).map(|mistake| marked(&mistake.text)));
    lines.join("\n") + "\n"
}

fn marked(text: &str) -> String {
    // One line: what follows a line break would be read as a setting.
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("{MARK} {text}")
}

fn at_fields(error: &Error, read: &Read, texts: &Texts) -> Vec<Mistake> {
    let at = |(field, text): (String, String)| Mistake {
        // A field that the file leaves out: at the top.
        line: read.line(&field).unwrap_or(1),
        text: told(&field, &text, texts),
    };
    error.violations().into_iter().map(at).collect()
}

fn failed(failure: Failure, texts: &Texts) -> Error {
    match failure {
        Failure::Editor(program) => Error::Usage((texts.accounts.no_editor)(&program)),
        Failure::File(path, source) => Error::Create { path, source },
    }
}

/// The text stays, and it is said where.
fn kept(draft: Draft, error: Error, context: &mut Context) -> Error {
    let path = draft.keep();
    let sentence = (context.texts.accounts.edit_kept)(&path.to_string_lossy());
    // The error itself matters more than an output that nobody takes.
    let _ = context.out.note(&sentence);
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::EN;

    fn account() -> Account {
        Account {
            id: "office".to_owned(),
            server: "mail.example".to_owned(),
            login: "fax".to_owned(),
            port: 25,
            ..Account::default()
        }
    }

    fn edited(from: &Account, what: &str, to: &str) -> Read {
        let text = fresh(from, &EN);
        assert!(text.contains(what), "{text}");
        document::read_one(&text.replace(what, to), &EN).unwrap()
    }

    #[test]
    fn g1_only_what_was_changed_in_the_editor_is_sent() {
        assert!(changed(&account(), &edited(&account(), "port = 25", "port = 25"), &EN).fields.is_empty());
        let changes = changed(&account(), &edited(&account(), "port = 25", "port = 26"), &EN);
        assert_eq!((changes.fields, changes.account.port), (vec!["port".to_owned()], 26));
        let left_out = changed(&account(), &edited(&account(), "port = 25", ""), &EN);
        assert!(left_out.fields.is_empty(), "it stays as it is");
    }

    #[test]
    fn a12_two_editors_both_see_their_changes() {
        let now = Account { port: 27, login: "other".to_owned(), updated_by: "ann".to_owned(), ..account() };
        let mine = edited(&account(), "port = 25", "port = 26");
        let text = merged(&account(), &now, &mine, &EN);
        assert!(text.contains("port = 26") && text.contains("login = \"other\""), "{text}");
        assert!(text.contains("#! port is 27 now") && text.contains("ann"), "{text}");
        let again = document::read_one(&text, &EN).unwrap();
        assert_eq!(changed(&now, &again, &EN).fields, ["port"]);
    }

    #[test]
    fn g1_mistakes_stand_above_their_lines_once_and_nothing_is_lost() {
        let text = "port = 1\nserver = \"x\"\n";
        let once = annotated(text, &[Mistake { line: 2, text: "two\nlines".to_owned() }], &EN);
        let lines: Vec<_> = once.lines().collect();
        assert_eq!(lines[1..], ["port = 1", "#! two lines", "server = \"x\""]);
        let again = annotated(&once, &[Mistake { line: 4, text: "again".to_owned() }], &EN);
        assert_eq!(
            again.lines().filter(|line| !line.starts_with(MARK)).collect::<Vec<_>>(),
            text.lines().collect::<Vec<_>>()
        );
        assert_eq!(again.lines().filter(|line| line.starts_with(MARK)).count(), 2, "{again}");
    }
}
