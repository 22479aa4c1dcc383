//! The vocabulary of made-up rows.

/// sObjects and their key prefixes.
pub(super) const ENTITIES: [(&str, &str); 20] = [
    ("Account", "001"),
    ("Contact", "003"),
    ("Opportunity", "006"),
    ("Case", "500"),
    ("Lead", "00Q"),
    ("Task", "00T"),
    ("Campaign", "701"),
    ("Product2", "01t"),
    ("Invoice__c", "a01"),
    ("Quote", "0Q0"),
    ("Event", "00U"),
    ("User", "005"),
    ("Contract", "800"),
    ("Order", "801"),
    ("OrderItem", "802"),
    ("Asset", "02i"),
    ("OpportunityLineItem", "00k"),
    ("ContentVersion", "068"),
    ("Shipment__c", "a0B"),
    ("ServiceAppointment", "08p"),
];

/// A program that calls the API.
#[derive(Debug, Clone, Copy)]
pub(super) struct App {
    /// Its name, if it tells one.
    pub(super) name: &'static str,
    /// The number of its user agent.
    pub(super) agent: &'static str,
    /// The version it asks for.
    pub(super) version: &'static str,
}

const fn app(name: &'static str, agent: &'static str, version: &'static str) -> App {
    App { name, agent, version }
}

/// Programs that run on servers.
pub(super) const SERVICES: [App; 16] = [
    app("WarehouseSync/4.2", "9998", "64.0"),
    app("MarketingHub", "9999", "61.0"),
    app("", "9999", "66.0"),
    app("BillingBridge", "9997", "58.0"),
    app("SupportDesk", "9999", "62.0"),
    app("DocSign/11", "9999", "60.0"),
    app("ErpOrders", "9998", "63.0"),
    app("CustomerDataLake/2.19.1", "9998", "65.0"),
    app("PriceBookPublisher", "9999", "57.0"),
    app("", "9998", "52.0"),
    app("TelephonyLog", "9999", "59.0"),
    app("LeadRouter/7", "9999", "66.0"),
    app("ConsentRegistry", "9997", "62.0"),
    app("BackupNow/3.0.4", "9998", "64.0"),
    app("FieldPlanner", "9999", "60.0"),
    app("EventsToSlack", "9999", "65.0"),
];

/// Programs that people have before them.
pub(super) const CLIENTS: [App; 8] = [
    app("SalesforceMobileSDK/12.1.0", "13047000", "64.0"),
    app("DataLoaderBulkUI/59.0", "9998", "59.0"),
    app("OutlookAddIn", "9999", "63.0"),
    app("SheetsConnector/1.8", "9999", "61.0"),
    app("PartnerPortal", "9997", "65.0"),
    app("DevConsole", "9998", "66.0"),
    app("", "9999", "66.0"),
    app("QuoteBuilder/2026.3", "9999", "65.0"),
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

/// What queries go on with. `@` stands for a time and `#` for a record's id.
pub(super) const CLAUSES: [&str; 14] = [
    " WHERE LastModifiedDate > @ ORDER BY Id",
    " WHERE SystemModstamp >= @ ORDER BY SystemModstamp, Id LIMIT 2000",
    " WHERE LastModifiedDate > @ AND IsDeleted = false",
    " WHERE CreatedDate = LAST_N_DAYS:7 AND IsDeleted = false",
    " WHERE Id = '#'",
    " WHERE Id > '#' AND LastModifiedDate > @",
    " WHERE Id IN ('#', '#')",
    " WHERE Id IN ('#', '#', '#')",
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
