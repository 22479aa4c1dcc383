//! The vocabulary of made-up rows.

/// sObjects and their key prefixes.
pub(super) const ENTITIES: [(&str, [u8; 3]); 10] = [
    ("Account", *b"001"),
    ("Contact", *b"003"),
    ("Opportunity", *b"006"),
    ("Case", *b"500"),
    ("Lead", *b"00Q"),
    ("Task", *b"00T"),
    ("Campaign", *b"701"),
    ("Product2", *b"01t"),
    ("Invoice__c", *b"a01"),
    ("Quote", *b"0Q0"),
];

/// A program that calls the API: its name, the number of its user agent, and the version it asks
/// for.
pub(super) const APPS: [(&str, &str, &str); 7] = [
    ("WarehouseSync/4.2", "9998", "64.0"),
    ("MarketingHub", "9999", "61.0"),
    ("", "9999", "66.0"),
    ("BillingBridge", "9997", "58.0"),
    ("SupportDesk", "9999", "62.0"),
    ("DocSign/11", "9999", "60.0"),
    ("DataLoaderBulkUI/59.0", "9998", "59.0"),
];

/// User agents that are told in words.
pub(super) const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Java-SDK/66.0.0 OpenJDK/21.0.4",
    "Apache-HttpClient/5.3 (Java/17)",
    "python-requests/2.32.5",
];

/// Types of an answer.
pub(super) const MEDIA: [&str; 4] =
    ["application/json", "application/json;charset=UTF-8", "application/json", "text/csv"];

/// What queries select.
pub(super) const SELECTS: [&str; 6] = [
    "SELECT Id, IsDeleted, Name, OwnerId, Type, BillingStreet, BillingCity, BillingState, BillingPostalCode, BillingCountry, Phone, Website, Industry, AnnualRevenue, NumberOfEmployees, Description, CreatedDate, CreatedById, LastModifiedDate, LastModifiedById, SystemModstamp, External_Id__c, Region__c, Segment__c FROM ",
    "SELECT Id, Name, StageName, Amount, Probability, CloseDate, ForecastCategoryName, Owner.Name, Account.Name, CurrencyIsoCode, Next_Step__c, Competitor__c, LastActivityDate FROM ",
    "SELECT Id, Name, LastModifiedDate FROM ",
    "SELECT Id FROM ",
    "SELECT Id, Name, OwnerId, CreatedDate, LastModifiedDate, SystemModstamp FROM ",
    "SELECT COUNT() FROM ",
];

/// What queries go on with.
pub(super) const CLAUSES: [&str; 8] = [
    " WHERE LastModifiedDate > 2026-11-01T00:00:00Z ORDER BY Id",
    " WHERE CreatedDate = LAST_N_DAYS:7 AND IsDeleted = false",
    " WHERE Name = 'O\\'Brien & Sons'",
    " WHERE Name LIKE '%\"Acme\"%'",
    "\nWHERE Amount > 10000\n  AND StageName IN ('Prospecting', 'Closed Won')",
    " WHERE Name = 'Café Müller – Łódź'",
    " USING SCOPE team",
    "",
];

/// What goes wrong.
pub(super) const PROBLEMS: [&str; 5] = [
    "Session expired or invalid",
    "UNABLE_TO_LOCK_ROW: unable to obtain exclusive access to this record or 1 records",
    "\nSELECT Id, Nmae FROM Contact\n           ^\nERROR at Row:1:Column:12\nNo such column 'Nmae' on entity 'Contact'.",
    "insufficient access rights on object id",
    "unexpected token: '\"' (line 3, column 14)",
];
