//! Report and attachments in, PDF bytes out.

use jiff::tz::TimeZone;
use typst::comemo;
use typst::diag::{SourceDiagnostic, Warned};
use typst::foundations::{Datetime, Smart};
use typst::syntax::DiagSpanKind;
use typst::{World, WorldExt};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards, Timestamp};

use crate::attachment::{Attached, Attachment, describe};
use crate::error::RenderError;
use crate::fonts::fonts;
use crate::literal::make_literal;
use crate::view::Report;
use crate::world::PackWorld;

/// What `data.json` holds.
#[derive(serde::Serialize)]
struct Data<'a> {
    #[serde(flatten)]
    report: &'a Report,
    attached: Vec<Attached<'a>>,
}

/// Draws the evidence pack: PDF 1.7, PDF/A-3a and PDF/UA-1, with the attachments inside.
///
/// A pure function: the same report and attachments give the same bytes. Times come from the report.
///
/// # Errors
/// An attachment with an unsafe name or type, or templates that do not fit; a warning of the typesetter counts
/// as an error, since a pack must not be silently wrong.
pub fn render(report: &Report, attachments: &[Attachment]) -> Result<Vec<u8>, RenderError> {
    let world = PackWorld::built_in(data(report, attachments)?, attachments)?;
    let pdf = export(&world, report);
    // What typst remembers between two renders is of no use to the next pack and would pile up in a service.
    comemo::evict(0);
    pdf
}

/// Like [`render`], with templates of the caller in place of the built-in ones: for those who design them.
///
/// # Errors
/// Those of [`render`].
pub fn render_with(
    templates: &[(&str, &str)],
    report: &Report,
    attachments: &[Attachment],
) -> Result<Vec<u8>, RenderError> {
    export(&PackWorld::new(templates, data(report, attachments)?, attachments)?, report)
}

fn data(report: &Report, attachments: &[Attachment]) -> Result<Vec<u8>, RenderError> {
    let fonts = fonts()?;
    let attached = describe(attachments)?;
    let mut data = serde_json::to_value(Data { report, attached }).map_err(RenderError::Data)?;
    make_literal(&mut data, &|c| fonts.cover(c));
    serde_json::to_vec(&data).map_err(RenderError::Data)
}

fn export(world: &PackWorld, report: &Report) -> Result<Vec<u8>, RenderError> {
    let Warned { output, warnings } = typst::compile::<PagedDocument>(world);
    let explain = |list: &[SourceDiagnostic]| {
        RenderError::Typst(list.iter().map(|d| describe_diagnostic(world, d)).collect())
    };
    let document = output.map_err(|errors| explain(&errors))?;
    // The pages stand; what led to them would only lie beside the file that is being written.
    comemo::evict(0);
    if !warnings.is_empty() {
        return Err(explain(&warnings));
    }
    let standards = PdfStandards::new(&[PdfStandard::A_3a, PdfStandard::Ua_1])
        .map_err(|e| RenderError::Typst(vec![e.message().to_string()]))?;
    let options = PdfOptions {
        ident: Smart::Custom(report.document.ident.clone()),
        creator: Smart::Custom(Some(report.document.author.clone())),
        timestamp: Some(timestamp(report.document.created)?),
        standards,
        ..PdfOptions::default()
    };
    typst_pdf::pdf(&document, &options).map_err(|errors| explain(&errors))
}

fn timestamp(at: jiff::Timestamp) -> Result<Timestamp, RenderError> {
    let utc = at.to_zoned(TimeZone::UTC);
    let part = |value: i8| u8::try_from(value).unwrap_or_default();
    Datetime::from_ymd_hms(
        i32::from(utc.year()),
        part(utc.month()),
        part(utc.day()),
        part(utc.hour()),
        part(utc.minute()),
        part(utc.second()),
    )
    .map(Timestamp::new_utc)
    .ok_or(RenderError::Time(at))
}

/// File, line and message of a diagnostic.
fn describe_diagnostic(world: &PackWorld, diagnostic: &SourceDiagnostic) -> String {
    let place = match diagnostic.span.get() {
        DiagSpanKind::Detached => None,
        DiagSpanKind::Number { id, .. } | DiagSpanKind::Range { id, .. } => {
            let line = world
                .range(diagnostic.span)
                .zip(world.source(id).ok())
                .and_then(|(range, source)| source.lines().byte_to_line(range.start))
                .map_or(0, |line| line + 1);
            Some(format!("{}:{line}: ", id.get().vpath().get_without_slash()))
        }
    };
    format!("{}{}", place.unwrap_or_default(), diagnostic.message)
}
