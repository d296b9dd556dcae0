//! `FetchJWTSVID` and `ValidateJWTSVID`.

use std::collections::BTreeMap;
use std::sync::Arc;

use prost_types::value::Kind;
use prost_types::{ListValue, Struct};
use serde_json::Value;

use super::denied;
use super::service::Caller;
use crate::net::grpc::{Code, Status};
use crate::net::workload::messages::{
    JwtSvidRequest, JwtSvidResponse, ValidateJwtSvidRequest, ValidateJwtSvidResponse,
};
use crate::ops::workload::jwt;
use crate::pki::spiffe::SpiffeId;

/// JWT-SVIDs for an audience: of every ID that the process has, or of the one it asks for.
pub(super) async fn fetch(
    caller: &Caller,
    request: JwtSvidRequest,
) -> Result<JwtSvidResponse, Status> {
    if request.audience.is_empty() || request.audience.iter().any(String::is_empty) {
        return Err(invalid("an audience must be given"));
    }
    let wanted: Option<SpiffeId> = match request.spiffe_id.as_str() {
        "" => None,
        id => Some(id.parse().map_err(|error| invalid(&format!("{error}")))?),
    };
    let state = caller.workloads.state();
    let mut grants = caller.workloads.grants(&caller.process, &state).await;
    grants.retain(|grant| wanted.as_ref().is_none_or(|id| grant.spiffe_id() == id));
    if grants.is_empty() {
        return Err(denied());
    }
    let source = caller.workloads.source();
    let svids = source.jwt_svids(state, grants, request.audience).await?;
    Ok(JwtSvidResponse { svids })
}

/// Whether a token is valid for an audience, of this trust domain or of another that is trusted.
pub(super) async fn validate(
    caller: &Caller,
    request: &ValidateJwtSvidRequest,
) -> Result<ValidateJwtSvidResponse, Status> {
    if request.audience.is_empty() {
        return Err(invalid("an audience must be given"));
    }
    if request.svid.is_empty() {
        return Err(invalid("a JWT-SVID must be given"));
    }
    let state = caller.workloads.state();
    if caller
        .workloads
        .grants(&caller.process, &state)
        .await
        .is_empty()
    {
        return Err(denied());
    }
    let now = caller.workloads.source().now();
    let bundles = &Arc::clone(&state).jwt_bundles;
    let valid = jwt::validate(&request.svid, &request.audience, bundles, now);
    let (id, claims) = valid.map_err(|error| invalid(&error.to_string()))?;
    let claims = claims.into_iter();
    let fields: BTreeMap<String, prost_types::Value> = claims
        .map(|(name, value)| (name, protobuf(value)))
        .collect();
    Ok(ValidateJwtSvidResponse {
        spiffe_id: id.to_string(),
        claims: Some(Struct { fields }),
    })
}

fn invalid(what: &str) -> Status {
    Status::new(Code::InvalidArgument, what)
}

/// JSON as protobuf has it.
fn protobuf(value: Value) -> prost_types::Value {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(value) => Kind::BoolValue(value),
        Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => Kind::StringValue(text),
        Value::Array(values) => Kind::ListValue(ListValue {
            values: values.into_iter().map(protobuf).collect(),
        }),
        Value::Object(members) => {
            let members = members.into_iter();
            Kind::StructValue(Struct {
                fields: members
                    .map(|(name, value)| (name, protobuf(value)))
                    .collect(),
            })
        }
    };
    prost_types::Value { kind: Some(kind) }
}
