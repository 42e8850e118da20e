use super::*;

const TRANSFER: &str = r#"{"operation":"transfer","debtor_account":"6222020200112233445","creditor_name":"张伟","creditor_account":"6217000010001234567","account_scheme":"domestic","creditor_agent":"中国银行","amount":123456,"currency":"CNY"}"#;

#[test]
fn a_transfer_is_read_with_its_defaults() {
    let OrderRequest::Transfer(transfer) = serde_json::from_str(TRANSFER).unwrap() else {
        panic!("a transfer")
    };
    assert_eq!((transfer.amount, transfer.execution_date, transfer.beside), (123_456, None, None));
    assert_eq!(transfer.remittance_text, "");
}

#[test]
fn requests_are_strict() {
    let bad = [
        TRANSFER.replace("\"amount\"", "\"charges\":1,\"amount\""),
        TRANSFER.replace("123456,", "1234.56,"),
        TRANSFER.replace("123456,", "-1,"),
        TRANSFER.replace("domestic", "Domestic"),
        TRANSFER.replace("\"amount\":123456", "\"amount\":123456,\"amount\":1"),
        TRANSFER.replace("transfer", "limit-change"),
        TRANSFER.replace("\"currency\":\"CNY\"", "\"currency\":\"CNY\",\"beside\":\"not-an-id\""),
        r#"{"operation":"certificate-download","role":"root"}"#.to_owned(),
        r#"{"operation":"certificate-download","role":"pay","device":"x"}"#.to_owned(),
    ];
    for request in bad {
        assert!(serde_json::from_str::<OrderRequest>(&request).is_err(), "{request}");
    }
}

#[test]
fn a_token_may_be_named_and_is_left_out_otherwise() {
    let named =
        r#"{"operation":"certificate-download","role":"pay","device_id":"0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"}"#;
    let request: OrderRequest = serde_json::from_str(named).unwrap();
    assert_eq!(serde_json::to_string(&request).unwrap(), named);
    let request: OrderRequest = serde_json::from_str(TRANSFER).unwrap();
    assert!(!serde_json::to_string(&request).unwrap().contains("device_id"));
    let named = TRANSFER.replace("\"amount\"", "\"device_id\":\"ff\",\"amount\"");
    let OrderRequest::Transfer(transfer) = serde_json::from_str(&named).unwrap() else {
        panic!("a transfer")
    };
    assert_eq!(transfer.device_id.as_deref(), Some("ff"));
}

#[test]
fn replies_come_back() {
    let created = CreatedOrder {
        order_id: OrderId::from_random([9; 16]),
        device_id: "0a".repeat(16),
        order: Base64Url(vec![1, 2, 3]),
        state: OrderState::Open,
        created: true,
    };
    let text = serde_json::to_string(&created).unwrap();
    assert_eq!(
        text,
        r#"{"order_id":"09090909-0909-4909-8909-090909090909","device_id":"0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a","order":"AQID","state":"open","created":true}"#
    );
    assert_eq!(serde_json::from_str::<CreatedOrder>(&text).unwrap(), created);
}

/// Every value that a person could be known by is a canary; none may come out, in either of the two forms.
#[test]
fn debug_shows_no_name_account_amount_or_order() {
    let transfer: Transfer = serde_json::from_str(
        r#"{"debtor_account":"CANARY1","creditor_name":"CANARY2","creditor_account":"CANARY3","account_scheme":"domestic",
            "creditor_agent":"CANARY4","amount":7777777,"currency":"CNY","remittance_text":"CANARY5","device_id":"abcd"}"#,
    )
    .unwrap();
    let account =
        Account { number: "CANARY6".to_owned(), currency: "CNY".to_owned(), exponent: 2, balance: 7_777_777 };
    let order = Base64Url(b"CANARY7".to_vec());
    let id = OrderId::from_random([9; 16]);
    let device_id = "abcd".to_owned();
    let created = CreatedOrder {
        order_id: id,
        device_id: device_id.clone(),
        order: order.clone(),
        state: OrderState::Open,
        created: true,
    };
    let kept = Order {
        order_id: id,
        device_id,
        state: OrderState::Open,
        receipt: Some(order.clone()),
        order: order.clone(),
    };
    let values: [&dyn std::fmt::Debug; 6] = [
        &OrderRequest::Transfer(transfer),
        &Accounts { accounts: vec![account] },
        &created,
        &Orders { orders: vec![kept] },
        &AuthorizationReply { receipt: order.clone(), certificate: Some(vec![order.clone()]) },
        &CancelReply { receipt: order.clone() },
    ];
    let bytes = format!("{:?}", order.as_bytes());
    for value in values {
        for text in [format!("{value:?}"), format!("{value:#?}")] {
            for canary in
                ["CANARY", "7777777", &crate::bytes::encode(b"CANARY7"), bytes.trim_matches(['[', ']'])]
            {
                assert!(!text.contains(canary), "{text}");
            }
        }
    }
    let shown = format!(
        "{:?} {created:?}",
        OrderRequest::CertificateDownload(CertificateDownload {
            role: Role::Pay,
            device_id: Some("abcd".to_owned())
        })
    );
    assert!(shown.contains("abcd") && shown.contains("7 bytes"), "what helps is shown: {shown}");
}
