//! The root leads to the overview.

use axum::response::{IntoResponse as _, Redirect, Response};

use crate::links;

pub(crate) async fn get() -> Response {
    Redirect::to(links::CLUSTERS).into_response()
}
