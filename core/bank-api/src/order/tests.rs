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
