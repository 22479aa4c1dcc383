"""Asks a simulated org with simple-salesforce, and prints what it saw as JSON.

The one argument is a JSON object: url, username, password (with the security token), consumer_key,
consumer_secret, download_id, download_to.
"""

import json
import sys
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceMalformedRequest


class ToSimulatedOrg(HTTPAdapter):
    """The client insists on https://DOMAIN.salesforce.com; this takes every call to the org."""

    def __init__(self, url):
        super().__init__()
        self.target = urlsplit(url)

    def send(self, request, **kwargs):
        parts = urlsplit(request.url)
        request.url = urlunsplit(parts._replace(scheme=self.target.scheme, netloc=self.target.netloc))
        return super().send(request, **kwargs)


def main(order):
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", ToSimulatedOrg(order["url"]))

    def sign_in(password):
        return Salesforce(
            username=order["username"],
            password=password,
            consumer_key=order["consumer_key"],
            consumer_secret=order["consumer_secret"],
            domain="acme.my",
            version="66.0",
            session=session,
        )

    sf = sign_in(order["password"])
    seen = {"objects": [entry["name"] for entry in sf.describe()["sobjects"]]}
    fields = {field["name"]: field for field in sf.EventLogFile.describe()["fields"]}
    seen["fields"] = list(fields)
    seen["event_types"] = [entry["value"] for entry in fields["EventType"]["picklistValues"]]

    files = sf.query_all(
        "SELECT Id, EventType, LogFile, LogFileLength FROM EventLogFile"
        " WHERE Sequence >= 0 ORDER BY CreatedDate, Id"
    )["records"]
    seen["ids"] = [record["Id"] for record in files]
    seen["total_length"] = sum(record["LogFileLength"] for record in files)
    seen["logins"] = sf.query(
        "SELECT COUNT() FROM EventLogFile WHERE EventType = 'Login' AND Interval = 'Hourly'"
    )["totalSize"]

    target = next(record for record in files if record["Id"] == order["download_id"])
    assert sf.EventLogFile.get(order["download_id"])["LogFile"] == target["LogFile"]
    answer = session.get(f"https://{sf.sf_instance}{target['LogFile']}", headers=sf.headers)
    answer.raise_for_status()
    with open(order["download_to"], "wb") as out:
        out.write(answer.content)

    seen["api_used"] = sf.api_usage["api-usage"].used
    seen["api_limit"] = sf.limits()["DailyApiRequests"]["Max"]

    try:
        sf.query("SELECT Id FORM EventLogFile")
    except SalesforceMalformedRequest as error:
        seen["bad_query"] = error.content[0]["errorCode"]

    requests.post(f"{order['url']}/_sim/sessions", json={}, timeout=30).raise_for_status()
    seen["survived_dead_session"] = sf.is_sandbox() is False

    try:
        sign_in("wrong")
    except SalesforceAuthenticationFailed as error:
        seen["wrong_password"] = [error.code, error.auth_message]
    seen["expected_refusal"] = ["invalid_grant", "authentication failure"]
    json.dump(seen, sys.stdout)


main(json.loads(sys.argv[1]))
