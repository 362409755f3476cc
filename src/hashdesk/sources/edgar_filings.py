"""SEC ``submissions``: the list of a filer's filings, their documents, and which of them may be a monthly update."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from hashdesk.sources.base import Source, unreadable
from hashdesk.sources.edgar_facts import read_json

UPDATE_ITEMS = {"7.01", "8.01"}
"""Items of an 8-K under which miners furnish monthly updates: Regulation FD and other events."""

_DOCUMENT = re.compile(r"(?i)\.(htm|html|txt)$")
_NOT_EXHIBIT = re.compile(
    r"(?i)^R\d+\.html?$|-index|index\.|FilingSummary|_(lab|pre|def|cal)\.|\.xsd$|^\d{10}-\d{2}-\d{6}\.txt$"
)
_EXHIBIT_99 = re.compile(r"(?i)(ex|exhibit)[-_.]?(99|\d*99)|ex99|dex99|99[-_.]?\d\.htm|99d\d")
MAX_DOCUMENTS = 4
"""Documents of one filing that are looked at."""


@dataclass(frozen=True, slots=True)
class Filing:
    """One filing as the list names it."""

    accession: str
    form: str
    filed_on: dt.date
    items: tuple[str, ...]
    primary_document: str
    report_date: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Submissions:
    """A filer and its filings, newest first, with the names of the files that list older ones."""

    cik: int
    name: str
    tickers: tuple[str, ...]
    filings: tuple[Filing, ...]
    older_files: tuple[str, ...]

    @property
    def is_foreign(self) -> bool:
        """True where the newest periodic report is a 20-F, 40-F or 6-K: updates come as 6-K, facts late or never."""
        forms = [f.form.split("/")[0] for f in self.filings]
        periodic = [form for form in forms if form in ("10-K", "10-Q", "20-F", "40-F", "6-K")]
        return bool(periodic) and periodic[0] in ("20-F", "40-F", "6-K")


def parse_submissions(body: bytes, source: Source) -> Submissions:
    """Read a ``submissions`` answer or one of its files of older filings.

    Parameters
    ----------
    body : bytes
        ``CIK##########.json`` or ``CIK##########-submissions-###.json``.
    source : Source
        Named in errors.

    Returns
    -------
    Submissions
        A file of older filings has no name and no symbols.

    Raises
    ------
    PayloadError
        Not JSON, not of the documented shape, or its columns differ in length.
    """
    data = read_json(body, "submissions", source)
    try:
        recent = data["filings"]["recent"] if "filings" in data else data
        columns = [recent[key] for key in ("accessionNumber", "form", "filingDate", "primaryDocument")]
        n = len(columns[0])
        items = recent.get("items") or [""] * n
        report_dates = recent.get("reportDate") or [""] * n
        filings = tuple(
            Filing(
                str(accession),
                str(form),
                dt.date.fromisoformat(filed),
                tuple(part.strip() for part in str(listed).split(",") if part.strip()),
                str(document),
                dt.date.fromisoformat(reported) if reported else None,
            )
            for accession, form, filed, document, listed, reported in zip(*columns, items, report_dates, strict=True)
        )
        older = tuple(str(entry["name"]) for entry in data.get("filings", {}).get("files", []))
        return Submissions(
            int(data.get("cik") or 0), str(data.get("name", "")), tuple(data.get("tickers") or ()), filings, older
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise unreadable(
            "submissions: expected columns of filings", f"{type(error).__name__}: {error}", source
        ) from None


def may_be_update(filing: Filing) -> bool:
    """True where a monthly update may be furnished with the filing: an 8-K under one of the usual items, or a 6-K."""
    form = filing.form.split("/")[0]
    return form == "6-K" or (form == "8-K" and bool(UPDATE_ITEMS & set(filing.items)))


def parse_filing_index(body: bytes, filing: Filing, source: Source) -> list[str]:
    """Names of the documents that may hold a release, exhibits 99 first.

    Parameters
    ----------
    body : bytes
        ``index.json`` of the filing's folder.
    filing : Filing
        Its entry in the list.
    source : Source
        Named in errors.

    Returns
    -------
    list of str
        At most ``MAX_DOCUMENTS``; the cover of a 6-K comes last, that of an 8-K is left out.

    Raises
    ------
    PayloadError
        Not JSON or not the listing of a folder.
    """
    data = read_json(body, "filing index", source)
    try:
        names = [str(item["name"]) for item in data["directory"]["item"]]
    except (KeyError, TypeError) as error:
        raise unreadable("filing index: expected directory.item", f"{type(error).__name__}: {error}", source) from None
    documents = [name for name in names if _DOCUMENT.search(name) and not _NOT_EXHIBIT.search(name)]
    exhibits = [name for name in documents if name != filing.primary_document]
    exhibits.sort(key=lambda name: (_EXHIBIT_99.search(name) is None, name))
    cover = [filing.primary_document] if filing.form.startswith("6-K") and filing.primary_document in documents else []
    return (exhibits[: MAX_DOCUMENTS - len(cover)] + cover)[:MAX_DOCUMENTS]
