//! MeasureService: the catalogue that judges. It is no secret, so every caller may read it.

use std::sync::Arc;

use hexproof_api::v1::measure_service_server::MeasureService;
use hexproof_api::{request, status, v1};
use hexproof_core::measure::{Catalogue, Measure};
use hexproof_core::port::Cursor;
use tonic::{Request, Response, Status};

/// The service over a catalogue.
pub(crate) struct Measures {
    catalogue: Arc<Catalogue>,
}

impl Measures {
    /// Shows `catalogue`.
    pub(crate) fn new(catalogue: Arc<Catalogue>) -> Self {
        Self { catalogue }
    }
}

#[tonic::async_trait]
impl MeasureService for Measures {
    async fn list_measures(
        &self,
        request: Request<v1::ListMeasuresRequest>,
    ) -> Result<Response<v1::ListMeasuresResponse>, Status> {
        status::caller(&request)?;
        let mut query = request.into_inner();
        let limit = request::page_size(std::mem::take(&mut query.page_size))?;
        let token = std::mem::take(&mut query.page_token);
        let after = request::cursor(&token, &query)?;
        let layer = v1::Layer::try_from(query.layer)
            .map_err(|_| status::invalid("layer", "is none of the layers"))?;
        let picked = self
            .catalogue
            .measures
            .iter()
            .filter(|measure| layer == v1::Layer::Unspecified || v1::Layer::from(measure.layer) == layer);
        // A place is the measure after which the page begins: the catalogue does not change while it is served.
        let mut picked = picked.peekable();
        if let Some(Cursor(last)) = &after {
            if !self.catalogue.measures.iter().any(|measure| measure.id.as_str() == last) {
                return Err(status::invalid("page_token", "is that of another catalogue"));
            }
            for measure in picked.by_ref() {
                if measure.id.as_str() == last {
                    break;
                }
            }
        }
        let page: Vec<&Measure> = picked.by_ref().take(limit).collect();
        let more = picked.peek().is_some();
        let next = page.last().filter(|_| more).map(|last| Cursor(last.id.to_string()));
        Ok(Response::new(v1::ListMeasuresResponse {
            next_page_token: request::page_token(next.as_ref(), &query),
            measures: page.into_iter().map(message).collect(),
            catalogue_digest: self.catalogue.digest.to_string(),
        }))
    }

    async fn get_measure(
        &self,
        request: Request<v1::GetMeasureRequest>,
    ) -> Result<Response<v1::GetMeasureResponse>, Status> {
        status::caller(&request)?;
        let id = &request.get_ref().measure_id;
        match self.catalogue.get(id) {
            Some(measure) => Ok(Response::new(v1::GetMeasureResponse { measure: Some(message(measure)) })),
            None => {
                let id: String = id.chars().take(80).flat_map(char::escape_default).collect();
                Err(status::not_found("measure", id))
            }
        }
    }
}

fn message(measure: &Measure) -> v1::Measure {
    v1::Measure {
        measure_id: measure.id.to_string(),
        layer: v1::Layer::from(measure.layer).into(),
        title: measure.title.clone(),
        significance: v1::Significance::from(measure.significance).into(),
        platforms: measure.platforms.iter().map(|platform| v1::Platform::from(*platform).into()).collect(),
        goals: measure
            .goals
            .iter()
            .map(|(goal, weight)| v1::GoalWeight {
                goal: v1::Goal::from(*goal).into(),
                weight: (*weight).into(),
            })
            .collect(),
        subject: measure.subject.clone(),
        evidence: measure.evidence.clone(),
        condition: measure.condition.clone(),
        why: measure.why.clone(),
        mend: measure.mend.text.clone(),
        mitigated_by: measure.mitigated_by.iter().map(ToString::to_string).collect(),
        references: measure
            .references
            .iter()
            .map(|(framework, requirements)| v1::FrameworkReference {
                framework: framework.clone(),
                requirements: requirements.clone(),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use hexproof_core::access::{Authentication, Caller, Scope};

    use super::*;

    fn asked<T>(message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.extensions_mut().insert(Caller {
            subject: "test".into(),
            authentication: Authentication::Dev,
            roles: Default::default(),
            scope: Scope::none(),
        });
        request
    }

    #[tokio::test]
    async fn pages_of_a_layer_give_each_of_its_measures_once_and_in_order() {
        let catalogue = Arc::new(hexproof_scorer::builtin().unwrap());
        let service = Measures::new(catalogue.clone());
        let mut query = v1::ListMeasuresRequest {
            layer: v1::Layer::Container.into(),
            page_size: 7,
            page_token: String::new(),
        };
        let mut seen = Vec::new();
        loop {
            let page = service.list_measures(asked(query.clone())).await.unwrap().into_inner();
            assert!(page.measures.len() <= 7);
            seen.extend(page.measures.into_iter().map(|measure| measure.measure_id));
            query.page_token = page.next_page_token;
            if query.page_token.is_empty() {
                break;
            }
        }
        let wanted: Vec<String> = catalogue
            .measures
            .iter()
            .filter(|measure| measure.layer == hexproof_core::Layer::Container)
            .map(|measure| measure.id.to_string())
            .collect();
        assert_eq!(seen, wanted);
        assert!(wanted.len() > 14);
    }

    #[tokio::test]
    async fn strangers_and_unknown_names_are_told_so() {
        let service = Measures::new(Arc::new(hexproof_scorer::builtin().unwrap()));
        let named = |id: &str| v1::GetMeasureRequest { measure_id: id.into() };
        let known = service.get_measure(asked(named("container-privileged"))).await.unwrap().into_inner();
        assert_eq!(known.measure.unwrap().layer(), v1::Layer::Container);
        let unknown = service.get_measure(asked(named("\u{7}nothing"))).await.unwrap_err();
        assert_eq!(unknown.code(), tonic::Code::NotFound);
        assert!(!unknown.message().contains('\u{7}'));
        let stranger = service.get_measure(Request::new(named("container-privileged"))).await.unwrap_err();
        assert_eq!(stranger.code(), tonic::Code::Unauthenticated);
        let bad = v1::ListMeasuresRequest { layer: 99, ..Default::default() };
        assert_eq!(service.list_measures(asked(bad)).await.unwrap_err().code(), tonic::Code::InvalidArgument);
    }
}
