//! Answers of all kinds, good and bad, without a network.

use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::*;

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

fn client() -> OauthClient {
    OauthClient {
        id: "the client".to_owned(),
        secret: Some(secret("s3cret/of=the client")),
        secret_in_body: false,
        token_endpoint: "https://sso.example/token".to_owned(),
    }
}

fn refresh() -> Exchange {
    Exchange::Refresh {
        client: client(),
        refresh_token: secret("the refresh~token"),
        scope: "a b".to_owned(),
    }
}

fn exchanges() -> Vec<Exchange> {
    let codes = DeviceCodes {
        device_code: secret("the device code"),
        user_code: "A".to_owned(),
        verification_uri: "https://sso.example/a".to_owned(),
        verification_uri_complete: None,
        // Over at once: what the provider answers first is the end.
        expires_in: 0,
        interval: 0,
    };
    vec![
        Exchange::Code {
            client: client(),
            code: secret("the code~x"),
            verifier: secret("the verifier"),
            redirect_uri: "http://127.0.0.1:1/".to_owned(),
        },
        refresh(),
        Exchange::ClientCredentials { client: client(), scope: String::new() },
        Exchange::Device {
            client: client(),
            endpoint: "https://sso.example/device".to_owned(),
            scope: "a".to_owned(),
        },
        Exchange::DevicePoll { client: client(), codes },
        Exchange::Revoke {
            client: client(),
            endpoint: "https://sso.example/revoke".to_owned(),
            token: secret("the token"),
            is_refresh: true,
        },
    ]
}

/// Asks, and lets the provider answer so; what was sent is kept.
async fn answered(
    exchange: Exchange,
    status: u16,
    body: &[u8],
) -> (Result<Answer, ExchangeError>, Vec<HttpRequest>) {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let (kept, body) = (sent.clone(), body.to_vec());
    let secrets = exchange.secrets();
    let send = move |request: HttpRequest| {
        kept.lock().unwrap().push(request);
        let mut response = HttpResponse::new(body.clone());
        *response.status_mut() = ::http::StatusCode::from_u16(status).unwrap();
        async move { Ok(response) }
    };
    let result = ask(exchange, send).await.map_err(|error| read::redact(error, &secrets));
    let sent = std::mem::take(&mut *sent.lock().unwrap());
    (result, sent)
}

async fn error(exchange: Exchange, status: u16, body: &str) -> ExchangeError {
    answered(exchange, status, body.as_bytes()).await.0.unwrap_err()
}

#[tokio::test]
async fn b4_an_answer_with_everything_is_read() {
    let body = r#"{"access_token":"A","token_type":"bearer","expires_in":3599,"refresh_token":"R",
                   "refresh_token_expires_in":604799,"scope":"a  b","id_token":"x","ext_expires_in":1}"#;
    let (answer, sent) = answered(refresh(), 200, body.as_bytes()).await;
    let Ok(Answer::Tokens(tokens)) = answer else { panic!("{answer:?}") };
    assert_eq!((tokens.access.expose(), tokens.expires_in), ("A", Some(3599)));
    assert_eq!(tokens.refresh.unwrap().expose(), "R");
    assert_eq!((tokens.refresh_expires_in, tokens.scope.as_deref()), (Some(604_799), Some("a b")));
    let form = String::from_utf8(sent[0].body().clone()).unwrap();
    assert!(form.contains("grant_type=refresh_token") && form.contains("scope=a+b"), "{form}");
    assert!(!form.contains("client_secret"), "it is in the header");
}

#[tokio::test]
async fn b4_an_answer_with_the_least_is_read() {
    let body = br#"{"access_token":"A","token_type":"Bearer"}"#;
    let (answer, _) = answered(refresh(), 200, body).await;
    let Ok(Answer::Tokens(tokens)) = answer else { panic!("{answer:?}") };
    assert!(tokens.expires_in.is_none() && tokens.refresh.is_none() && tokens.scope.is_none());
}

#[tokio::test]
async fn b1_the_client_proves_itself_in_the_header_or_in_the_form() {
    let body = br#"{"access_token":"A","token_type":"Bearer"}"#;
    let Exchange::Refresh { client, refresh_token, scope } = refresh() else { panic!() };
    let client = OauthClient { secret_in_body: true, ..client };
    let (_, sent) = answered(Exchange::Refresh { client, refresh_token, scope }, 200, body).await;
    let form = String::from_utf8(sent[0].body().clone()).unwrap();
    assert!(form.contains("client_id=the+client") && form.contains("client_secret=s3cret%2Fof%3Dthe+client"));
    let (_, sent) = answered(refresh(), 200, body).await;
    let expected = STANDARD.encode("the+client:s3cret%2Fof%3Dthe+client");
    assert_eq!(sent[0].headers()["authorization"].to_str().unwrap(), format!("Basic {expected}"));
}

#[tokio::test]
async fn b4_errors_are_told_apart() {
    use ExchangeFault::{Busy, Nonsense, Refused};
    for (status, body, kind, code) in [
        (400, r#"{"error":"invalid_grant"}"#, Refused, "invalid_grant"),
        (
            401,
            r#"{"error":"invalid_client","error_description":"AADSTS7000222: over."}"#,
            Refused,
            "AADSTS7000222",
        ),
        (400, r#"{"error":"invalid_grant","error_description":"AADSTS700082:x"}"#, Refused, "AADSTS700082"),
        (400, r#"{"error":"interaction_required"}"#, Refused, "interaction_required"),
        (400, r#"{"error":"temporarily_unavailable"}"#, Busy, "temporarily_unavailable"),
        (400, r#"{"error":"x","error_description":"AADSTS90033: transient"}"#, Busy, "AADSTS90033"),
        (200, r#"{"error":"invalid_grant"}"#, Refused, "invalid_grant"),
        (200, r#"{"access_token":"","token_type":7}"#, Nonsense, ""),
        (200, "", Nonsense, ""),
        (400, "", Nonsense, ""),
        (403, "<html>", Nonsense, ""),
        (400, r#"{"error":"a","error_description":"AADSTS"}"#, Refused, "a"),
        (400, r#"{"error":"a","error_description":"AADSTS12345678901234567890"}"#, Refused, "a"),
    ] {
        let error = error(refresh(), status, body).await;
        assert_eq!((error.kind, error.code.as_str()), (kind, code), "{body}");
        assert!(!error.text.is_empty());
    }
}

#[tokio::test]
async fn h3_a_providers_words_give_no_secret_back() {
    for exchange in exchanges() {
        let secrets = exchange.secrets();
        let all: Vec<_> = secrets.iter().map(Secret::expose).collect();
        let words = all.join(" | ");
        let body = serde_json::json!({ "error": "invalid_request", "error_description": words });
        if let Err(error) = answered(exchange, 400, body.to_string().as_bytes()).await.0 {
            for secret in all {
                assert!(!format!("{error:?}").contains(secret), "{error:?}");
            }
        }
    }
}

#[tokio::test]
async fn h3_what_a_parser_says_of_a_token_is_not_repeated() {
    let body = r#"{"access_token":"A","token_type":"Bearer","expires_in":"a-token-in-the-wrong-place"}"#;
    let error = error(refresh(), 200, body).await;
    assert!(!format!("{error:?}").contains("wrong-place"), "{error:?}");
}

#[tokio::test]
async fn b3_device_codes_name_a_web_page() {
    let device = || exchanges().remove(3);
    let body = |page: &str| {
        serde_json::json!({"device_code": "D", "user_code": "U\r\n", "verification_uri": page, "expires_in": 5})
            .to_string()
    };
    let (answer, _) = answered(device(), 200, body("https://sso.example/x").as_bytes()).await;
    let Ok(Answer::Device(codes)) = answer else { panic!("{answer:?}") };
    assert_eq!((codes.user_code.as_str(), codes.interval, codes.expires_in), ("U", 5, 5));
    for page in ["javascript:alert(1)", "file:///etc/passwd", "ms-settings:", "x"] {
        assert!(answered(device(), 200, body(page).as_bytes()).await.0.is_err(), "{page}");
    }
}

#[test]
fn h6_an_exchange_crosses_to_another_process_and_shows_no_secret_on_the_way_to_a_log() {
    for exchange in exchanges() {
        let sent = serde_json::to_string(&exchange).unwrap();
        let arrived: Exchange = serde_json::from_str(&sent).unwrap();
        assert_eq!(serde_json::to_string(&arrived).unwrap(), sent);
        for secret in arrived.secrets() {
            assert!(!format!("{arrived:?}").contains(secret.expose()), "{arrived:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_answer_to_any_question_is_read_or_refused(
        which in 0_usize..6,
        status in prop_oneof![Just(200_u16), Just(400), Just(401), 200_u16..599],
        body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            "\\{\"(error|access_token|device_code|user_code|expires_in)\":(\"\\PC{0,20}\"|[0-9]{1,25}|null|\\[\\]),\"(token_type|error_description|verification_uri|scope|expires_in)\":(\"\\PC{0,20}\"|-?[0-9]{1,25}|\\{\\})\\}"
                .prop_map(String::into_bytes),
        ],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let exchange = exchanges().swap_remove(which);
        let asked = async {
            tokio::time::timeout(Duration::from_millis(200), answered(exchange, status, &body)).await
        };
        // A poll that is told to go on does.
        if let Ok((Err(error), _)) = runtime.block_on(asked) {
            prop_assert!(error.text.chars().count() < 1000 && !error.text.chars().any(char::is_control));
        }
    }

    #[test]
    fn any_metadata_is_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200), status in 200_u16..599) {
        let mut response = HttpResponse::new(body);
        *response.status_mut() = ::http::StatusCode::from_u16(status).unwrap();
        prop_assert!(metadata::read("https://sso.example", &response).is_err());
    }
}
