//! The service as an organisation runs it: with TLS, an identity provider, people of several roles, and clusters that
//! were audited.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::browser::Browser;
use crate::support::parts::{Client, IdentityProvider, S3, free_port, present, until};
use crate::support::service::Service;
use crate::support::tls::TlsFiles;
use crate::support::{hexproof, root, run};

/// What a test of pages needs.
pub(crate) const PARTS: [&str; 5] = ["chromedriver", "chromium", "axe-core", "oidc-provider", "grpcurl"];

/// The cluster that everything is about, with the faults that real ones have.
pub(crate) const SHOP: &str = "weak-shop";
/// Another one, which auditors of the shop must not see.
pub(crate) const OFFICE: &str = "office";

/// Somebody who logs in: the groups decide what for.
struct Person {
    name: &'static str,
    groups: &'static [&'static str],
}

const PEOPLE: [Person; 5] = [
    Person { name: "alice", groups: &["auditors-of-shop"] },
    Person { name: "olga", groups: &["operators"] },
    Person { name: "omar", groups: &["operators"] },
    Person { name: "ada", groups: &["admins"] },
    Person { name: "norman", groups: &["nobody-knows"] },
];

/// The running service with everything around it. Ends when it is dropped.
pub(crate) struct World {
    pub(crate) service: Service,
    provider: IdentityProvider,
    /// Where evidence lies; without it in a folder.
    _s3: Option<S3>,
    /// The address of the portal.
    pub(crate) url: String,
    home: TempDir,
}

impl World {
    /// With evidence in object storage where that is installed. `None` where another part is not; says so.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(true)
    }

    /// With evidence in a folder, so that a test can get at it.
    pub(crate) fn start_in_a_folder() -> Option<Self> {
        Self::start_with(false)
    }

    fn start_with(remote: bool) -> Option<Self> {
        if !present(&PARTS) {
            return None;
        }
        let home = tempfile::tempdir().unwrap();
        let tls = TlsFiles::make(home.path());
        let port = free_port();
        let url = format!("https://localhost:{port}");
        let site = json!({
            "id": "portal",
            "redirect": [format!("{url}/login/return")],
            "afterLogout": [format!("{url}/login?out=1")],
        });
        let people = PEOPLE.iter().map(|Person { name, groups }| json!({ "person": name, "groups": groups }));
        let entries: Vec<Value> = std::iter::once(site).chain(people).collect();
        let seeder = Client { id: "seeder", groups: &["admins"], audience: "urn:hexproof" };
        let provider = IdentityProvider::start_with(home.path(), &[seeder], &entries);
        let secret = home.path().join("client-secret");
        std::fs::write(&secret, "secret of portal").unwrap();
        let session_key = home.path().join("session-key");
        std::fs::write(&session_key, "0123456789abcdef0123456789abcdef0123456789abcdef").unwrap();

        let grants = json!([
            { "group": "auditors-of-shop", "roles": ["auditor"], "clusters": [SHOP] },
            { "group": "operators", "roles": ["operator"], "clusters": [SHOP] },
            { "group": "admins", "roles": ["admin"], "clusters": "all" },
        ]);
        let config = json!({
            "tls": { "certificate": tls.certificate, "key": tls.key },
            "access": {
                "oidc": {
                    "issuer": provider.issuer,
                    "audience": "urn:hexproof",
                    "grants": grants,
                },
                "login": {
                    "clientId": "portal",
                    "clientSecretFile": secret,
                    "publicUrl": url,
                    "scopes": ["profile", "email", "groups"],
                    "keys": [{ "id": "s1", "file": session_key }],
                },
            },
        });
        let file = home.path().join("serve.yaml");
        std::fs::write(&file, config.to_string()).unwrap();
        for (cluster, example) in [(SHOP, "weak-shop"), (OFFICE, "hardened-shop")] {
            copy(&root().join("examples").join(example), &home.path().join("state").join(cluster));
        }
        let s3 = (remote && present(&["moto_server"])).then(|| S3::start(home.path()));
        let store = s3.as_ref().map_or_else(|| "./evidence".to_owned(), S3::store);
        let environment = s3.as_ref().map(S3::environment).unwrap_or_default();
        let listen = format!("127.0.0.1:{port}");
        let arguments = [
            "--config",
            file.to_str().unwrap(),
            "--listen",
            &listen,
            "--store",
            &store,
            "--identity",
            "identity",
            "--manifests",
            "state",
        ];
        let service = Service::start("service", home.path(), &arguments, &environment);
        let service = Service { ca: Some(tls.ca), ..service };
        let world = Self { service, provider, _s3: s3, url, home };
        for cluster in [SHOP, OFFICE] {
            world.register(cluster);
        }
        Some(world)
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// The folder of the manifests that are a cluster's state.
    pub(crate) fn state(&self, cluster: &str) -> PathBuf {
        self.home().join("state").join(cluster)
    }

    /// A call by an admin that must succeed.
    pub(crate) fn call(&self, method: &str, request: &Value) -> Value {
        let token = self.provider.token("seeder");
        self.service
            .try_call(Some(&token), method, request)
            .unwrap_or_else(|(code, text)| panic!("{method} {request}: {code} {text}"))
    }

    fn register(&self, cluster: &str) {
        let entry = json!({ "clusterId": cluster, "displayName": cluster,
            "source": { "manifests": { "path": cluster } } });
        self.call(
            "ClusterService/RegisterCluster",
            &json!({ "requestId": format!("register-{cluster}"), "cluster": entry }),
        );
    }

    /// Audits a cluster and waits for the pack; the id of the audit.
    pub(crate) fn audit(&self, cluster: &str, request: &str) -> String {
        let wanted = json!({ "clusterId": cluster, "requestId": request });
        let begun = self.call("AuditService/StartAudit", &wanted);
        let audit = begun["audit"]["auditId"].as_str().unwrap().to_owned();
        let name = json!({ "clusterId": cluster, "auditId": audit });
        until("a pack", Duration::from_secs(180), || {
            let state = self.call("AuditService/GetAudit", &name)["audit"]["state"].clone();
            assert!(state != "AUDIT_STATE_FAILED", "{}", self.service.process.messages());
            (state == "AUDIT_STATE_SUCCEEDED").then_some(())
        });
        audit
    }

    /// A browser of its own.
    pub(crate) fn browser(&self, name: &str) -> Browser {
        Browser::start(name, self.home())
    }

    /// Opens a page as somebody who is not logged in yet, logs in, and stands before that page.
    pub(crate) fn log_in(&self, browser: &Browser, person: &str, path: &str) {
        let page = format!("{}{path}", self.url);
        browser.open(&page);
        self.identify(browser, person);
        browser.wait_until("the page after the login", |browser| browser.url() == page);
    }

    /// What the identity provider asks for.
    pub(crate) fn identify(&self, browser: &Browser, person: &str) {
        browser.fill(&browser.find("input[name=person]"), person);
        browser.fill(&browser.find("input[name=password]"), &format!("password of {person}"));
        browser.click(&browser.find("button[value=login]"));
    }

    /// Checks a pack by the program, and by the authority of the service alone.
    pub(crate) fn verify(&self, pack: &Path) -> (i32, String) {
        let mut command = hexproof(self.home());
        command.env_remove("SOURCE_DATE_EPOCH").env("HEXPROOF_IDENTITY", self.home().join("nobody"));
        command.arg("verify").arg(pack).arg("--trust").arg(self.home().join("identity/ca.pem"));
        let (code, out, err) = run(&mut command);
        (code, out + &err)
    }

    /// The JSON of `hexproof assess` of the state of a cluster as it lies there now.
    pub(crate) fn assess(&self, cluster: &str) -> Value {
        let (code, out, err) = run(hexproof(self.home())
            .args(["assess", "--format", "json", "--quiet", "--cluster", cluster])
            .arg(self.state(cluster)));
        assert_eq!(code, 0, "{err}");
        serde_json::from_str(&out).unwrap()
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "yaml") {
            std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
}
