//! The overview of clusters, worst first. `gather` asks for what is known, `pick` filters and orders it, `view` draws.

mod gather;
mod pick;
mod view;

use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use crate::links;
use crate::parts::PortalParts;
use crate::refusal::Refusal;
use crate::shell::{Section, Shell};
use crate::viewer::Viewer;

/// Clusters on one page.
const EACH: usize = 50;

/// What the address asks for. What is not understood counts as not asked: an old address still shows clusters.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    /// Words that all occur in name, id or a label.
    q: String,
    /// Of this rating: `A` to `E`, `not-assessed` or `none`.
    rating: String,
    /// `worst`, `name` or `age`.
    sort: String,
    /// From 1.
    page: String,
}

impl Asked {
    fn page(&self) -> usize {
        self.page.parse().unwrap_or(1).max(1)
    }

    /// The address of another page of the same list.
    fn at(&self, page: usize) -> String {
        let page = if page > 1 { page.to_string() } else { String::new() };
        let pairs = [("q", &self.q), ("rating", &self.rating), ("sort", &self.sort), ("page", &page)];
        links::with(links::CLUSTERS, pairs)
    }

    /// The address of the same clusters in another order.
    fn sorted(&self, sort: &str) -> String {
        let sort = if sort == "worst" { "" } else { sort };
        Self { sort: sort.to_owned(), page: String::new(), ..self.clone() }.at(1)
    }
}

pub(crate) async fn get(
    State(parts): State<PortalParts>,
    viewer: Viewer,
    Query(asked): Query<Asked>,
) -> Result<Response, Refusal> {
    let known = gather::clusters(&parts, &viewer).await?;
    let (total, troubles) = (known.rows.len(), known.troubles);
    let title = view::title(&known.rows);
    let mut rows = pick::fitting(known.rows, &asked);
    pick::sort(&mut rows, &asked.sort);
    let fitting = rows.len();
    let pages = fitting.div_ceil(EACH).max(1);
    let page = asked.page().min(pages);
    let mut shown: Vec<_> = rows.into_iter().skip((page - 1) * EACH).take(EACH).collect();
    let troubles = match troubles {
        gather::Troubles { register: false, .. } => troubles,
        known => gather::schedules(&parts, &viewer, &mut shown, known).await?,
    };
    let list = view::List { asked: &asked, shown: &shown, total, fitting, page, pages, troubles };
    let shell = Shell {
        section: Section::Clusters,
        crumbs: Vec::new(),
        title,
        second: view::second(&list),
        body: view::body(&list, parts.clock.now()),
    };
    Ok(shell.show(&viewer))
}
