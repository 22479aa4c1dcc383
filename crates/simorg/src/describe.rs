//! What describe says of an object, in the shape clients generate code from.

use serde_json::{Value, json};

use crate::schema::{Field, Kind, Object};

/// The entry of an object in the list of all objects.
pub(crate) fn brief(object: &Object, version: &str) -> Value {
    let base = format!("/services/data/v{version}/sobjects/{}", object.name);
    json!({
        "activateable": false,
        "associateEntityType": null,
        "associateParentEntity": null,
        "createable": false,
        "custom": false,
        "customSetting": false,
        "deepCloneable": false,
        "deletable": false,
        "deprecatedAndHidden": false,
        "feedEnabled": false,
        "hasSubtypes": false,
        "isInterface": false,
        "isSubtype": false,
        "keyPrefix": (!object.prefix.is_empty()).then_some(object.prefix),
        "label": object.label,
        "labelPlural": object.plural,
        "layoutable": false,
        "mergeable": false,
        "mruEnabled": false,
        "name": object.name,
        "queryable": true,
        "replicateable": true,
        "retrieveable": true,
        "searchable": false,
        "triggerable": false,
        "undeletable": false,
        "updateable": false,
        "urls": {
            "rowTemplate": format!("{base}/{{ID}}"),
            "describe": format!("{base}/describe"),
            "sobject": base,
        },
    })
}

/// The whole description of an object.
pub(crate) fn full(object: &Object, version: &str) -> Value {
    let mut out = brief(object, version);
    if let Value::Object(map) = &mut out {
        let fields: Vec<Value> = object.own_fields().map(field).collect();
        map.insert("fields".into(), Value::Array(fields));
        for empty in
            ["actionOverrides", "childRelationships", "namedLayoutInfos", "recordTypeInfos"]
        {
            map.insert(empty.into(), json!([]));
        }
        for no in ["compactLayoutable", "searchLayoutable"] {
            map.insert(no.into(), json!(false));
        }
        for null in [
            "defaultImplementation",
            "extendedBy",
            "extendsInterfaces",
            "implementedBy",
            "implementsInterfaces",
        ] {
            map.insert(null.into(), Value::Null);
        }
        map.insert("listviewable".into(), Value::Null);
        map.insert("lookupLayoutable".into(), Value::Null);
        map.insert("networkScopeFieldName".into(), Value::Null);
        map.insert("sobjectDescribeOption".into(), json!("FULL"));
        map.insert("supportedScopes".into(), json!([{ "label": "All", "name": "everything" }]));
    }
    out
}

/// Properties of a field that are false for every field here.
const NO: [&str; 24] = [
    "aiPredictionField",
    "autoNumber",
    "calculated",
    "cascadeDelete",
    "caseSensitive",
    "createable",
    "custom",
    "dependentPicklist",
    "deprecatedAndHidden",
    "displayLocationInDecimal",
    "encrypted",
    "externalId",
    "formulaTreatNullNumberAsZero",
    "highScaleNumber",
    "htmlFormatted",
    "namePointing",
    "permissionable",
    "polymorphicForeignKey",
    "queryByDistance",
    "restrictedDelete",
    "searchPrefilterable",
    "unique",
    "updateable",
    "writeRequiresMasterRead",
];

/// Properties of a field that have no value for any field here.
const NONE: [&str; 11] = [
    "calculatedFormula",
    "compoundFieldName",
    "controllerName",
    "defaultValueFormula",
    "extraTypeInfo",
    "filteredLookupInfo",
    "inlineHelpText",
    "mask",
    "maskType",
    "referenceTargetField",
    "relationshipOrder",
];

fn field(field: &Field) -> Value {
    let text = matches!(field.kind, Kind::Text | Kind::Picklist | Kind::Id | Kind::Reference);
    let length = if text { field.length } else { 0 };
    let values: Vec<Value> = field.values.iter().map(|value| picklist_value(value)).collect();
    let relationship = field.name.strip_suffix("Id").filter(|_| field.kind == Kind::Reference);
    let mut out = json!({
        "aggregatable": field.filterable && field.kind != Kind::Boolean,
        "byteLength": length * 3,
        "defaultValue": if field.kind == Kind::Boolean { json!(false) } else { Value::Null },
        "defaultedOnCreate": !field.nillable,
        "digits": if field.kind == Kind::Int { field.length } else { 0 },
        "filterable": field.filterable,
        "groupable": field.groupable,
        "idLookup": field.kind == Kind::Id,
        "label": field.label,
        "length": length,
        "name": field.name,
        "nameField": field.name == "Name",
        "nillable": field.nillable,
        "picklistValues": values,
        "precision": if field.kind == Kind::Double { 18 } else { 0 },
        "referenceTo": field.refers_to,
        "relationshipName": relationship,
        "restrictedPicklist": field.kind == Kind::Picklist,
        "scale": 0,
        "soapType": soap_type(field.kind),
        "sortable": field.sortable,
        "type": describe_type(field.kind),
    });
    if let Value::Object(map) = &mut out {
        map.extend(NO.map(|name| (name.to_owned(), json!(false))));
        map.extend(NONE.map(|name| (name.to_owned(), Value::Null)));
    }
    out
}

fn picklist_value(value: &str) -> Value {
    json!({
        "active": true,
        "defaultValue": false,
        "label": value,
        "validFor": null,
        "value": value,
    })
}

/// Describe writes the type in lower case where error messages do not.
fn describe_type(kind: Kind) -> &'static str {
    if kind == Kind::Time { "datetime" } else { kind.name() }
}

fn soap_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Id | Kind::Reference => "tns:ID",
        Kind::Text | Kind::Picklist => "xsd:string",
        Kind::Boolean => "xsd:boolean",
        Kind::Int => "xsd:int",
        Kind::Double => "xsd:double",
        Kind::Time => "xsd:dateTime",
        Kind::Base64 => "xsd:base64Binary",
    }
}
