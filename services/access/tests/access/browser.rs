//! A provider that people log in to, whose answers a test may spoil, and a browser that keeps cookies.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Form;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use hexproof_access::{AccessConfig, DEV_SUBJECT, PageRefusal};
use http::{Request, Response};
use http_body_util::Full;
use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use url::Url;

use crate::support::{NOON, SigningKey, World, header};

pub(crate) const OWN: &str = "https://evidence.example";
pub(crate) const SESSION: &str = "__Host-hexproof-session";
pub(crate) const DRAFT: &str = "__Host-hexproof-draft";
const SECRET: &str = "s p:c+%/";

/// A code that was given out, and what it is exchanged for.
struct Code {
    answer: Value,
    challenge: String,
}

#[derive(Default)]
pub(crate) struct State {
    codes: BTreeMap<String, Code>,
    given: usize,
    /// What is announced beside the usual.
    pub(crate) announced: BTreeMap<String, Value>,
    /// What the userinfo endpoint tells.
    pub(crate) userinfo: Option<Value>,
    /// Answers of the token endpoint in place of tokens.
    pub(crate) status: Option<(u16, Value)>,
}

pub(crate) struct Provider {
    pub(crate) url: String,
    pub(crate) key: SigningKey,
    pub(crate) state: Arc<Mutex<State>>,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let key = SigningKey::new("a");
        let state = Arc::new(Mutex::new(State::default()));
        let (announced, at) = (state.clone(), url.clone());
        let discovery = move || {
            let mut told = json!({
                "issuer": at, "jwks_uri": format!("{at}/jwks"),
                "authorization_endpoint": format!("{at}/authorize?tenant=a"),
                "token_endpoint": format!("{at}/token"), "userinfo_endpoint": format!("{at}/userinfo"),
                "end_session_endpoint": format!("{at}/end"),
                "authorization_response_iss_parameter_supported": true,
            });
            for (name, value) in &announced.lock().unwrap().announced {
                told[name] = value.clone();
            }
            async move { axum::Json(told) }
        };
        let jwks = json!({"keys": [key.jwk()]});
        let (tokens, people) = (state.clone(), state.clone());
        let token = move |headers: HeaderMap, Form(form): Form<BTreeMap<String, String>>| {
            let answer = exchange(&mut tokens.lock().unwrap(), &headers, &form);
            async move { (StatusCode::from_u16(answer.0).unwrap(), axum::Json(answer.1)) }
        };
        let userinfo = move |headers: HeaderMap| {
            let known = headers.get("authorization").is_some_and(|token| token == "Bearer access");
            let told = people.lock().unwrap().userinfo.clone().filter(|_| known);
            let status = if told.is_some() { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
            async move { (status, axum::Json(told)) }
        };
        let router = axum::Router::new()
            .route("/.well-known/openid-configuration", axum::routing::get(discovery))
            .route("/jwks", axum::routing::get(move || async move { axum::Json(jwks) }))
            .route("/token", axum::routing::post(token))
            .route("/userinfo", axum::routing::get(userinfo));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, key, state, server }
    }

    /// Access by logins here. `keys` are files of the sessions' keys.
    pub(crate) fn config(&self, grants: &Value, keys: &[(&str, std::path::PathBuf)]) -> AccessConfig {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.keep().join("secret");
        std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
        let keys: Vec<Value> = keys.iter().map(|(id, file)| json!({"id": id, "file": file})).collect();
        let config = json!({
            "oidc": {"issuer": self.url, "audience": "hexproof", "grants": grants},
            "login": {"clientId": "portal", "clientSecretFile": secret, "publicUrl": OWN,
                "scopes": ["email", "groups"], "keys": keys},
        });
        serde_json::from_value(config).unwrap()
    }

    /// The claims of an ID token for the login that an address of the provider begins.
    pub(crate) fn claims(&self, address: &str, subject: &str, groups: &[&str]) -> Value {
        let asked = asked(address);
        let noon = NOON.parse::<Timestamp>().unwrap().as_second();
        json!({"iss": self.url, "aud": "portal", "sub": subject, "groups": groups, "name": format!("{subject} B."),
            "nonce": asked["nonce"], "iat": noon, "exp": noon + 36_000})
    }

    /// Ends a login at the provider; the address that the browser is sent to.
    pub(crate) fn answer(&self, address: &str, id_token: &str) -> String {
        let asked = asked(address);
        assert!(address.starts_with(&format!("{}/authorize?tenant=a&", self.url)), "{address}");
        for (name, value) in [
            ("response_type", "code"),
            ("client_id", "portal"),
            ("redirect_uri", "https://evidence.example/login/return"),
            ("scope", "openid email groups"),
            ("code_challenge_method", "S256"),
        ] {
            assert_eq!(asked[name], value);
        }
        assert!(
            asked["state"].len() >= 43 && asked["nonce"].len() >= 43 && asked["code_challenge"].len() == 43
        );
        let mut state = self.state.lock().unwrap();
        state.given += 1;
        let code = format!("code{}", state.given);
        let answer = json!({"id_token": id_token, "access_token": "access", "token_type": "Bearer"});
        state.codes.insert(code.clone(), Code { answer, challenge: asked["code_challenge"].clone() });
        let mut back: Url = asked["redirect_uri"].parse().unwrap();
        back.query_pairs_mut()
            .append_pair("code", &code)
            .append_pair("state", &asked["state"])
            .append_pair("iss", &self.url);
        back.as_str().strip_prefix(OWN).unwrap().to_owned()
    }
}

/// What an address asks the provider for.
pub(crate) fn asked(address: &str) -> BTreeMap<String, String> {
    let url: Url = address.parse().unwrap();
    url.query_pairs().into_owned().collect()
}

fn exchange(state: &mut State, headers: &HeaderMap, form: &BTreeMap<String, String>) -> (u16, Value) {
    if let Some(answer) = &state.status {
        return answer.clone();
    }
    let pair = format!("Basic {}", STANDARD.encode("portal:s+p%3Ac%2B%25%2F"));
    if headers.get("authorization").is_none_or(|sent| *sent != pair) || form.contains_key("client_secret") {
        return (401, json!({"error": "invalid_client"}));
    }
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    assert_eq!(field("grant_type"), "authorization_code");
    assert_eq!(field("redirect_uri"), "https://evidence.example/login/return");
    let proof = URL_SAFE_NO_PAD.encode(digest(&SHA256, field("code_verifier").as_bytes()));
    match state.codes.remove(field("code")) {
        Some(code) if code.challenge == proof => (200, code.answer),
        _ => (400, json!({"error": "invalid_grant", "error_description": "<b>no</b>"})),
    }
}

/// A browser: it keeps cookies and says so of itself.
#[derive(Clone, Default)]
pub(crate) struct Browser {
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Browser {
    pub(crate) fn request(&self, method: &str, address: &str) -> http::request::Builder {
        let path = address.strip_prefix(OWN).unwrap_or(address);
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = Request::builder().method(method).uri(path).header("host", "evidence.example");
        let request = request.header("accept", "text/html,*/*;q=0.8");
        match cookies.is_empty() {
            true => request,
            false => request.header("cookie", cookies.join("; ")),
        }
    }

    pub(crate) async fn send(
        &mut self,
        world: &World,
        request: Request<Full<Bytes>>,
    ) -> Response<Full<Bytes>> {
        assert!(request.headers().get(DEV_SUBJECT).is_none());
        let response = world.send(request).await;
        for cookie in response.headers().get_all("set-cookie") {
            let text = cookie.to_str().unwrap();
            assert!(text.contains("; Path=/; Secure; HttpOnly; SameSite=Lax"), "{text}");
            let (name, value) = text.split(';').next().unwrap().split_once('=').unwrap();
            assert!(name.starts_with("__Host-") && text.len() <= 4096, "{text}");
            match text.ends_with("; Max-Age=0") {
                true => self.cookies.remove(name),
                false => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        response
    }

    pub(crate) async fn get(&mut self, world: &World, address: &str) -> Response<Full<Bytes>> {
        let request = self.request("GET", address).body(Full::default()).unwrap();
        self.send(world, request).await
    }

    pub(crate) async fn post(&mut self, world: &World, address: &str, form: &str) -> Response<Full<Bytes>> {
        let request = self
            .request("POST", address)
            .header("origin", OWN)
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Full::from(form.to_owned()))
            .unwrap();
        self.send(world, request).await
    }

    /// Begins a login; the address of the provider.
    pub(crate) async fn begin(&mut self, world: &World, to: &str) -> String {
        let response = self.get(world, to).await;
        assert_eq!(response.status(), 303, "{to}");
        let login = header(&response, "location").to_owned();
        assert!(login.starts_with("/login?to="), "{login}");
        let response = self.get(world, &login).await;
        assert_eq!(response.status(), 200, "{login}");
        onward(&response).to_owned()
    }

    /// Logs in, and gives the address where that ends.
    pub(crate) async fn log_in(
        &mut self,
        world: &World,
        provider: &Provider,
        subject: &str,
        groups: &[&str],
        to: &str,
    ) -> String {
        let address = self.begin(world, to).await;
        let token = provider.key.token(&provider.claims(&address, subject, groups));
        let response = self.get(world, &provider.answer(&address, &token)).await;
        assert_eq!(response.status(), 303, "{:?}", response.extensions().get::<PageRefusal>());
        header(&response, "location").to_owned()
    }
}

/// Where a page sends the browser on to: no redirect, since our policy lets forms lead nowhere else.
pub(crate) fn onward<B>(response: &Response<B>) -> &str {
    header(response, "refresh").strip_prefix("0; url=").unwrap()
}

/// The sentence of a page that refuses.
pub(crate) fn sentence<B>(response: &Response<B>) -> &str {
    &response.extensions().get::<PageRefusal>().expect("a refusal that a page can tell").sentence
}
