//! Words, and the texts made of them.

use crate::world::random::Rng;

/// Tabs of the launcher.
pub(super) const LIGHTNING_APPS: &[&str] =
    &["Sales", "Service Console", "Marketing", "one:one", "Analytics Studio"];

/// Components of pages.
pub(super) const COMPONENTS: &[&str] = &[
    "force:detailPanel",
    "lst-list-view-manager",
    "c:orderSummary",
    "forceChatter:feed",
    "c-quote-line-editor",
];

/// What a page is built of.
pub(super) const CONTEXTS: &[&str] = &[
    "one:recordHomeFlexipage2Wrapper",
    "force:objectHomeDesktop",
    "one:homeFlexipageWrapper",
    "reports:reportBuilder",
];

/// Visualforce pages.
pub(super) const PAGES: &[&str] = &["/apex/QuotePdf", "/apex/OrderStatus", "/apex/SurveyForm"];

/// Types of an answer.
pub(super) const MEDIA_TYPES: &[&str] =
    &["application/json", "application/json;charset=UTF-8", "text/csv", "application/xml", ""];

/// Kinds of flows.
pub(super) const FLOW_TYPES: &[&str] =
    &["AutoLaunchedFlow", "Flow", "InvocableProcess", "Workflow", "RoutingFlow"];

/// Apex classes of the org.
pub(super) const APEX_CLASSES: &[&str] = &[
    "BillingService",
    "OrderSync",
    "QuoteCalculator",
    "sbqq.QuoteService",
    "LeadScoring",
    "NightlyCleanup",
];

/// What Apex throws.
pub(super) const APEX_TYPES: &[&str] = &[
    "System.NullPointerException",
    "System.DmlException",
    "System.LimitException",
    "System.CalloutException",
    "System.QueryException",
];

/// Where Apex starts.
pub(super) const ENTRY_POINTS: &[&str] = &[
    "aura://ApexActionController/ACTION$execute",
    "OrderAfterUpdate on Order trigger event AfterUpdate",
    "QuoteCalculator.run",
    "/apex/QuotePdf",
    "NightlyCleanup",
    "urn:restResource:OrderSync",
];

/// Triggers of the org.
pub(super) const TRIGGERS: &[&str] =
    &["OrderAfterUpdate", "AccountBefore", "sbqq.QuoteTrigger", "CaseRouting"];

/// Whom the org talks to.
pub(super) const HOSTS: &[&str] = &[
    "https://erp.example.com/api/v2/orders?since=2026-11-01&fields=id,total",
    "https://tax.example.net/quote",
    "https://acme.my.salesforce.com/services/data/v62.0/",
    "https://mail.example.org/send",
];

/// Old names of the org's hosts.
pub(super) const MACHINE_HOSTS: &[&str] = &["na139.salesforce.com", "c.eu44.visual.force.com"];

/// Query strings of pages.
pub(super) const QUERY_STRINGS: &[&str] =
    &["id=0015j00000AT6I1AAL&mode=print", "page=2&sort=name%2Cdesc", "q=%22acme%22"];

/// sObjects and their key prefixes; the second is what thieves want.
pub(super) const ENTITIES: [(&str, &str); 11] = [
    ("Account", "001"),
    ("Contact", "003"),
    ("Opportunity", "006"),
    ("Case", "500"),
    ("Lead", "00Q"),
    ("Task", "00T"),
    ("Event", "00U"),
    ("Campaign", "701"),
    ("Product2", "01t"),
    ("Invoice__c", "a01"),
    ("Quote", "0Q0"),
];

/// The place of contacts in [`ENTITIES`].
pub(super) const CONTACT: usize = 1;

/// Names of reports.
pub(super) const REPORTS: [&str; 12] = [
    "Pipeline by Stage",
    "All Contacts with Email",
    "Open Cases, by Age",
    "Leads \"Hot\" this Week",
    "Accounts without Activity",
    "Forecast EMEA",
    "Forecast APAC; quarterly",
    "Customers' Renewals",
    "Invoices > 10 000 €",
    "Campaign ROI",
    "Login History (Admins)",
    "Umsatz je Vertriebsgebiet – Übersicht",
];

/// Clauses of queries.
const CLAUSES: [&str; 8] = [
    " WHERE LastModifiedDate > 2026-11-01T00:00:00Z",
    " WHERE CreatedDate = LAST_N_DAYS:7 AND IsDeleted = false",
    " WHERE Name = 'O\\'Brien & Sons'",
    " WHERE Name LIKE '%\"Acme\"%'",
    "\nWHERE Amount > 10000\n  AND StageName IN ('Prospecting', 'Closed Won')",
    " WHERE OwnerId = '0055j00000AT6I1AAL'",
    " USING SCOPE team",
    "",
];

/// What goes wrong.
const PROBLEMS: [&str; 8] = [
    "Attempt to de-reference a null object",
    "Insert failed. First exception on row 0; first error: FIELD_CUSTOM_VALIDATION_EXCEPTION, Close date is in the past: [CloseDate]",
    "Read timed out",
    "UNABLE_TO_LOCK_ROW: unable to obtain exclusive access to this record or 1 records: 0065j00000AT6I1AAL",
    "\nSELECT Id, Nmae FROM Contact\n           ^\nERROR at Row:1:Column:12\nNo such column 'Nmae' on entity 'Contact'.",
    "Apex CPU time limit exceeded",
    "insufficient access rights on object id",
    "unexpected token: '\"' (line 3, column 14)",
];

/// Sentences.
const SENTENCES: [&str; 6] = [
    "saved quote in 3 steps",
    "user chose \"Later\"; asking again tomorrow",
    "cart has 2 lines, 1 discount",
    "retry 1 of 3 after timeout",
    "validated address: 1 Main St, Springfield",
    "queue empty",
];

/// What people search for.
const SEARCHES: [&str; 8] = [
    "acme",
    "o'brien",
    "\"global media\"",
    "+49 89 1234",
    "invoice 2026, october",
    "müller",
    "東京",
    "re: contract*",
];

/// Appends a decimal number.
pub(super) fn number(mut n: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut from = digits.len();
    loop {
        from -= 1;
        digits[from] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[from..]);
}

/// Appends a query on `entity`.
pub(super) fn soql(rng: &mut Rng, entity: &str, out: &mut Vec<u8>) {
    const FIELDS: [&str; 5] = [
        "Id, Name",
        "Id, Name, LastModifiedDate",
        "FIELDS(ALL)",
        "Id, OwnerId, Name, CreatedDate, SystemModstamp",
        "COUNT()",
    ];
    out.extend_from_slice(b"SELECT ");
    out.extend_from_slice(rng.word(&FIELDS).as_bytes());
    out.extend_from_slice(b" FROM ");
    out.extend_from_slice(entity.as_bytes());
    out.extend_from_slice(rng.word(&CLAUSES).as_bytes());
    if rng.chance(400) {
        out.extend_from_slice(b" LIMIT ");
        number(rng.range(1, 20) * 100, out);
    }
}

/// Appends a stack trace of several lines.
pub(super) fn stack(rng: &mut Rng, out: &mut Vec<u8>) {
    for n in 0..rng.range(1, 6) {
        if n > 0 {
            out.push(b'\n');
        }
        out.extend_from_slice(b"Class.");
        out.extend_from_slice(rng.word(APEX_CLASSES).as_bytes());
        out.extend_from_slice(b".run: line ");
        number(rng.range(1, 900), out);
        out.extend_from_slice(b", column 1");
    }
}

/// Appends what went wrong.
pub(super) fn problem(rng: &mut Rng, out: &mut Vec<u8>) {
    out.extend_from_slice(rng.word(&PROBLEMS).as_bytes());
}

/// Appends a sentence.
pub(super) fn sentence(rng: &mut Rng, out: &mut Vec<u8>) {
    out.extend_from_slice(rng.word(&SENTENCES).as_bytes());
}

/// Appends what somebody searched for.
pub(super) fn search(rng: &mut Rng, out: &mut Vec<u8>) {
    out.extend_from_slice(rng.word(&SEARCHES).as_bytes());
}

/// Appends request headers, one a line.
pub(super) fn headers(rng: &mut Rng, agent: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"Accept=text/html,application/xhtml+xml;q=0.9\nUser-Agent=");
    out.extend_from_slice(agent.as_bytes());
    out.extend_from_slice(b"\nX-SFDC-Session=");
    rng.hex(12, out);
}

/// Appends Aura's actions and their times.
pub(super) fn actions(rng: &mut Rng, out: &mut Vec<u8>) {
    const ACTIONS: [&str; 5] = [
        "serviceComponent://ui.force.components.controllers.recordGlobalValueProvider.RecordGvpController/ACTION$getRecord",
        "aura://RecordUiController/ACTION$getRecordWithFields",
        "aura://ApexActionController/ACTION$execute",
        "aura://ListUiController/ACTION$getListInfoByName",
        "apex://OrderSync/ACTION$load",
    ];
    for n in 0..rng.range(1, 4) {
        if n > 0 {
            out.push(b';');
        }
        out.extend_from_slice(rng.word(&ACTIONS).as_bytes());
        out.push(b'=');
        number(rng.spread(1, 4000), out);
    }
}

/// Appends a small JSON object.
pub(super) fn json(rng: &mut Rng, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"step\":\"");
    out.extend_from_slice(rng.word(&["price", "tax", "discount"]).as_bytes());
    out.extend_from_slice(b"\",\"lines\":[");
    number(rng.range(1, 9), out);
    out.push(b',');
    number(rng.range(10, 99), out);
    out.extend_from_slice(b"],\"note\":\"a \\\"b\\\", c\"}");
}
