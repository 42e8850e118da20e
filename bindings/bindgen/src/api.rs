//! The interface of a library, in lines to be compared: what a host calls, implements and gets, without its documentation.

use std::collections::BTreeMap;

use uniffi_bindgen::macro_metadata::extract_from_bytes;
use uniffi_meta::{EnumShape, FieldMetadata, FnParamMetadata, Metadata, Type};

/// What is there to be measured is no part of the interface.
const PROBE: &str = "ushield_ffi::probe";

/// The interface, sorted by name; members stand in their order, since the wire goes by it.
///
/// # Errors
/// What is not a library, or has no interface.
pub fn describe(library: &[u8]) -> Result<String, String> {
    let items = extract_from_bytes(library).map_err(|error| error.to_string())?;
    let mut sections: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for item in items.iter().filter(|item| item.module_path() != PROBE) {
        if let Some((section, mut lines)) = lines(item) {
            sections.entry(section).or_default().append(&mut lines);
        }
    }
    if sections.is_empty() {
        return Err("no interface is in there".to_owned());
    }
    let mut text = String::new();
    for (section, mut lines) in sections {
        // Methods come in the order of symbols; fields and variants came as one item, in theirs.
        if !section.starts_with("record") && !section.starts_with("enum") && !section.starts_with("error") {
            lines.sort();
        }
        text.push_str(&format!("{section}\n"));
        for line in lines {
            text.push_str(&format!("    {line}\n"));
        }
    }
    Ok(text)
}

fn lines(item: &Metadata) -> Option<(String, Vec<String>)> {
    Some(match item {
        Metadata::Func(of) => {
            let signature = signature(of.is_async, &of.inputs, of.return_type.as_ref(), of.throws.as_ref());
            ("functions".to_owned(), vec![format!("{}{signature}", of.name)])
        }
        Metadata::Object(of) => (format!("type {}", of.name), vec![format!("implementation: {:?}", of.imp)]),
        Metadata::Constructor(of) => {
            let signature = signature(of.is_async, &of.inputs, None, of.throws.as_ref());
            (format!("type {}", of.self_name), vec![format!("constructor {}{signature}", of.name)])
        }
        Metadata::Method(of) => {
            let signature = signature(of.is_async, &of.inputs, of.return_type.as_ref(), of.throws.as_ref());
            (format!("type {}", of.self_name), vec![format!("{}{signature}", of.name)])
        }
        Metadata::TraitMethod(of) => {
            let signature = signature(of.is_async, &of.inputs, of.return_type.as_ref(), of.throws.as_ref());
            (format!("type {}", of.trait_name), vec![format!("{} {}{signature}", of.index, of.name)])
        }
        Metadata::Record(of) => (format!("record {}", of.name), of.fields.iter().map(field).collect()),
        Metadata::Enum(of) => {
            let kind = match of.shape {
                EnumShape::Enum => "enum",
                EnumShape::Error { .. } => "error",
            };
            let variant = |variant: &uniffi_meta::VariantMetadata| match variant.fields.as_slice() {
                [] => variant.name.clone(),
                fields => {
                    let fields: Vec<String> = fields.iter().map(field).collect();
                    format!("{} {{ {} }}", variant.name, fields.join(", "))
                }
            };
            (format!("{kind} {}", of.name), of.variants.iter().map(variant).collect())
        }
        Metadata::CallbackInterface(of) => (format!("callback {}", of.name), Vec::new()),
        Metadata::CustomType(of) => (format!("custom {}", of.name), vec![name(&of.builtin)]),
        Metadata::Namespace(_)
        | Metadata::UdlFile(_)
        | Metadata::UniffiTrait(_)
        | Metadata::ObjectTraitImpl(_) => return None,
    })
}

fn field(field: &FieldMetadata) -> String {
    format!("{}: {}", field.name, name(&field.ty))
}

fn signature(
    is_async: bool,
    inputs: &[FnParamMetadata],
    returns: Option<&Type>,
    throws: Option<&Type>,
) -> String {
    let inputs: Vec<String> =
        inputs.iter().map(|input| format!("{}: {}", input.name, name(&input.ty))).collect();
    let waits = if is_async { " async" } else { "" };
    let returns = returns.map(|ty| format!(" -> {}", name(ty))).unwrap_or_default();
    let throws = throws.map(|ty| format!(" throws {}", name(ty))).unwrap_or_default();
    format!("({}){waits}{returns}{throws}", inputs.join(", "))
}

fn name(ty: &Type) -> String {
    match ty {
        Type::Object { name, .. }
        | Type::Record { name, .. }
        | Type::Enum { name, .. }
        | Type::CallbackInterface { name, .. }
        | Type::Custom { name, .. } => name.clone(),
        Type::Optional { inner_type } => format!("{}?", name(inner_type)),
        Type::Box { inner_type } => name(inner_type),
        Type::Sequence { inner_type } => format!("[{}]", name(inner_type)),
        other => format!("{other:?}"),
    }
}
