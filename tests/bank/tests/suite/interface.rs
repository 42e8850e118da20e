//! The interface is what `docs/openapi.json` says.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use ushield_bank_api::{AuthorizationReply, CreatedOrder, Order, route};
use ushield_protocol::code::Code;

use crate::client::{World, certificate_request, key, problem, transfer};

const KEPT: &str = include_str!("../../../../docs/openapi.json");

fn document() -> Value {
    serde_json::from_str(KEPT).unwrap()
}

#[tokio::test]
async fn the_served_document_is_the_kept_one() {
    let world = World::new().await;
    let reply = world.http.get(world.url(route::OPENAPI)).send().await.unwrap();
    assert_eq!(reply.headers()["content-type"], route::JSON);
    assert_eq!(reply.text().await.unwrap(), KEPT);
}

/// Every documented route answers, and no method that is not documented does.
#[tokio::test]
async fn the_document_and_the_server_have_the_same_methods() {
    let world = World::new().await;
    for (path, item) in document()["paths"].as_object().unwrap() {
        let url = world.url(&path.replace("{order_id}", "09090909-0909-4909-8909-090909090909"));
        for method in ["get", "post", "put", "patch", "delete"] {
            let verb = reqwest::Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let reply = world.http.request(verb, &url).send().await.unwrap();
            let status = reply.status().as_u16();
            if item.get(method).is_some() {
                assert!(!matches!(status, 404 | 405), "{method} {path}: {status}");
            } else {
                assert_eq!(problem(reply).await.0, 405, "{method} {path}");
            }
        }
    }
    let reply = world.http.get(world.url("/v1/nothing")).send().await.unwrap();
    assert_eq!(problem(reply).await, (404, Code::NotFound, None));
}

/// A value has exactly the members that its schema lets it have.
fn conforms(value: &Value, schema: &Value, root: &Value, at: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        return conforms(value, root.pointer(reference.trim_start_matches('#')).unwrap(), root, at);
    }
    match schema["type"].as_str() {
        Some("object") => {
            let names: BTreeSet<&str> = value.as_object().expect(at).keys().map(String::as_str).collect();
            let known = schema["properties"].as_object().unwrap();
            for name in &names {
                conforms(
                    &value[*name],
                    known.get(*name).unwrap_or_else(|| panic!("{at}.{name}")),
                    root,
                    name,
                );
            }
            for name in schema["required"].as_array().unwrap() {
                assert!(names.contains(name.as_str().unwrap()), "{at} lacks {name}");
            }
        }
        Some("array") => {
            value.as_array().expect(at).iter().for_each(|item| conforms(item, &schema["items"], root, at))
        }
        Some("string") => {
            let text = value.as_str().expect(at);
            let allowed = schema["enum"].as_array();
            assert!(allowed.is_none_or(|allowed| allowed.iter().any(|one| one == text)), "{at}: {text}");
        }
        Some("integer") => assert!(value.is_u64(), "{at}"),
        Some("boolean") => assert!(value.is_boolean(), "{at}"),
        other => panic!("{at}: {other:?}"),
    }
}

#[tokio::test]
async fn replies_conform_to_their_schemas() {
    let (world, token, session) = World::with_token().await;
    let root = document();
    let check =
        |name: &str, value: &Value| conforms(value, &root["components"]["schemas"][name], &root, name);
    check("CertificateDownload", &certificate_request());
    check("Transfer", &transfer(500));
    let created = world.create(&session, &key(), &transfer(500)).await;
    check("CreatedOrder", &serde_json::to_value(&created).unwrap());
    let reply = world.answer(&created.order_id, token.approve(created.order.as_bytes())).await;
    check("AuthorizationReply", &reply.json().await.unwrap());
    for (path, name) in [
        (route::BANK, "Bank"),
        (route::ACCOUNTS, "Accounts"),
        (route::ORDERS, "Orders"),
        (route::CERTIFICATES, "Certificates"),
        (route::HEALTH, "Health"),
    ] {
        check(name, &world.get(&session, path).await.json().await.unwrap());
    }
    let order: Value = world.get(&session, &route::order(&created.order_id)).await.json().await.unwrap();
    check("Order", &order);
    check("CancelReply", &world.cancel(&session, &created.order_id).await.json().await.unwrap());
    check("Session", &world.try_sign_in("li", crate::client::PASSWORD).await.json().await.unwrap());
    check("Problem", &world.try_sign_in("li", "wrong password").await.json().await.unwrap());
    check("Problem", &world.try_create(&session, &key(), &transfer(0)).await.json().await.unwrap());
    // The other way round: a member that only the document has would be missing here.
    let full = |name: &str, value: Value| {
        let known = root["components"]["schemas"][name]["properties"].as_object().unwrap().len();
        assert_eq!(value.as_object().unwrap().len(), known, "{name}");
    };
    let bytes = || ushield_bank_api::Base64Url(vec![1]);
    full("Order", order);
    let id = created.order_id;
    full("CreatedOrder", serde_json::to_value(CreatedOrder { order_id: id, ..created }).unwrap());
    let reply = AuthorizationReply { receipt: bytes(), certificate: Some(vec![bytes()]) };
    full("AuthorizationReply", serde_json::to_value(reply).unwrap());
    let mut request = transfer(1);
    request["execution_date"] = json!(20_300_101);
    request["beside"] = json!(id.to_string());
    request["device_id"] = json!(token.id.to_string());
    check("Transfer", &request);
    let parsed: ushield_bank_api::OrderRequest = serde_json::from_value(request).unwrap();
    full("Transfer", serde_json::to_value(parsed).unwrap());
    let mut request = certificate_request();
    request["device_id"] = json!(token.id.to_string());
    let parsed: ushield_bank_api::OrderRequest = serde_json::from_value(request).unwrap();
    full("CertificateDownload", serde_json::to_value(parsed).unwrap());
    let _: Order = world.get(&session, &route::order(&id)).await.json().await.unwrap();
}

#[tokio::test]
async fn a_body_is_bounded_and_an_answer_has_its_media_type() {
    let world = World::new().await;
    let large = json!({ "customer": "x".repeat(9_000), "password": "y" });
    let reply = world.http.post(world.url(route::SESSIONS)).json(&large).send().await.unwrap();
    assert_eq!(problem(reply).await, (413, Code::TooLarge, None));
    let path = route::authorization(&ushield_protocol::key::OrderId::from_random([1; 16]));
    let reply = world.http.post(world.url(&path)).body("x").send().await.unwrap();
    assert_eq!(problem(reply).await, (400, Code::BadRequest, Some("Content-Type".to_owned())));
    let reply =
        world.http.post(world.url("/v1/orders/not-an-id/authorization")).body("x").send().await.unwrap();
    assert_eq!(problem(reply).await.2.as_deref(), Some("order_id"));
}

#[tokio::test]
async fn a_request_that_is_not_understood_does_not_come_back() {
    let world = World::new().await;
    let reply = world.http.post(world.url(route::SESSIONS)).body(r#"{"customer":"li","password":12345678}"#);
    let text = reply.send().await.unwrap().text().await.unwrap();
    assert!(text.contains("bad-request") && !text.contains("12345678"), "{text}");
}
