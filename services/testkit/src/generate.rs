//! Clusters of any size, the same for the same number: input for benches and load tests.

use serde_json::{Value, json};

/// Objects of a cluster with `pods` pods: for every ten pods a Deployment with its ReplicaSet, a Service, a
/// ServiceAccount, a RoleBinding and a NetworkPolicy; every hundred pods share a namespace. One pod in nine has
/// faults. The objects have the size and the shape of real ones, managedFields included.
pub fn cluster(pods: usize) -> impl Iterator<Item = Value> {
    let groups = pods.div_ceil(10);
    (0..groups).flat_map(move |group| {
        let mut objects = Vec::new();
        let namespace = format!("team-{:04}", group / 10);
        if group.is_multiple_of(10) {
            objects.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": meta(&namespace, "", "Namespace", group)}));
        }
        let app = format!("app-{group:05}");
        objects.extend(application(&app, &namespace, group));
        for number in group * 10..(group * 10 + 10).min(pods) {
            objects.push(pod(&app, &namespace, number));
        }
        objects
    })
}

/// The objects as one `List`, as `kubectl get -o json` prints it.
pub fn list(pods: usize) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": cluster(pods).collect::<Vec<_>>()})
}

fn meta(name: &str, namespace: &str, kind: &str, number: usize) -> Value {
    let mut meta = json!({
        "name": name,
        "uid": format!("{number:08x}-0000-4000-8000-{:012x}", name.len() * 7 + kind.len()),
        "resourceVersion": number.to_string(),
        "creationTimestamp": "2026-05-01T06:00:00Z",
        "managedFields": [{"manager": "kube-controller-manager", "operation": "Update", "apiVersion": "v1",
            "time": "2026-05-01T06:00:00Z", "fieldsType": "FieldsV1",
            "fieldsV1": {"f:metadata": {"f:labels": {".": {}, "f:app": {}}}, "f:spec": {"f:containers": {"k:{\"name\":\"app\"}": {".": {},
                "f:image": {}, "f:resources": {".": {}, "f:limits": {}, "f:requests": {}}, "f:securityContext": {}}}}}}]
    });
    if !namespace.is_empty() {
        meta["namespace"] = json!(namespace);
    }
    meta
}

fn template(app: &str, number: usize) -> Value {
    let weak = number.is_multiple_of(9);
    json!({
        "serviceAccountName": app,
        "automountServiceAccountToken": weak,
        "securityContext": {"runAsNonRoot": !weak, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{
            "name": "app",
            "image": format!("registry.example.com/team/{app}:1.{}.0", number % 7),
            "imagePullPolicy": "IfNotPresent",
            "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
            "env": [{"name": "LOG_LEVEL", "value": "info"}, {"name": "REGION", "value": "north"},
                {"name": "DB", "valueFrom": {"secretKeyRef": {"name": format!("{app}-db"), "key": "url"}}}],
            "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
            "livenessProbe": {"httpGet": {"path": "/livez", "port": "http"}, "periodSeconds": 10, "failureThreshold": 5},
            "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 5},
            "securityContext": {"allowPrivilegeEscalation": weak, "readOnlyRootFilesystem": true,
                "privileged": weak, "capabilities": {"drop": ["ALL"]}},
            "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]
        }, {
            "name": "proxy",
            "image": "registry.example.com/platform/proxy:3.2.1",
            "args": ["--listen", "15001", "--upstream", "127.0.0.1:8080"],
            "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
            "securityContext": {"allowPrivilegeEscalation": false, "runAsUser": 1337, "capabilities": {"drop": ["ALL"]}}
        }],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}},
            {"name": "config", "configMap": {"name": format!("{app}-config")}}],
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler"
    })
}

fn application(app: &str, namespace: &str, group: usize) -> Vec<Value> {
    let labels = json!({"app.kubernetes.io/name": app, "app.kubernetes.io/instance": "shop"});
    let named = |api_version: &str, kind: &str, name: &str, rest: Value| {
        let mut object =
            json!({"apiVersion": api_version, "kind": kind, "metadata": meta(name, namespace, kind, group)});
        if let (Some(object), Value::Object(rest)) = (object.as_object_mut(), rest) {
            object.extend(rest);
        }
        object
    };
    let spec = json!({"replicas": 10, "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": template(app, group)}});
    let mut replica_set = named("apps/v1", "ReplicaSet", &format!("{app}-1"), json!({"spec": spec}));
    let deployment = named(
        "apps/v1",
        "Deployment",
        app,
        json!({"spec": spec, "status": {"replicas": 10, "readyReplicas": 10}}),
    );
    replica_set["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "Deployment", "name": app,
        "uid": deployment["metadata"]["uid"], "controller": true}]);
    vec![
        deployment,
        replica_set,
        named(
            "v1",
            "Service",
            app,
            json!({"spec": {"type": "ClusterIP", "selector": labels, "ports": [{"port": 80, "targetPort": "http"}]}}),
        ),
        named("v1", "ServiceAccount", app, json!({"automountServiceAccountToken": false})),
        named(
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
            app,
            json!({
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
            "subjects": [{"kind": "ServiceAccount", "name": app, "namespace": namespace}]}),
        ),
        named(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            app,
            json!({"spec": {"podSelector": {"matchLabels": labels},
            "policyTypes": ["Ingress"], "ingress": [{"ports": [{"port": 8080}]}]}}),
        ),
    ]
}

fn pod(app: &str, namespace: &str, number: usize) -> Value {
    let name = format!("{app}-1-{number:06}");
    let mut spec = template(app, number);
    spec["nodeName"] = json!(format!("node-{:03}", number % 100));
    let mut metadata = meta(&name, namespace, "Pod", number);
    metadata["labels"] = json!({"app.kubernetes.io/name": app, "app.kubernetes.io/instance": "shop", "pod-template-hash": "1"});
    metadata["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("{app}-1"), "controller": true}]);
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": {
        "phase": "Running", "qosClass": "Burstable", "podIP": format!("10.{}.{}.{}", number / 62_500 % 250, number / 250 % 250, number % 250 + 1),
        "startTime": "2026-05-01T06:00:10Z",
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-05-01T06:00:20Z"}],
        "containerStatuses": [{"name": "app", "image": "registry.example.com/team/app:1", "ready": true, "restartCount": 0,
            "imageID": "registry.example.com/team/app@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "state": {"running": {"startedAt": "2026-05-01T06:00:12Z"}}}]
    }})
}
