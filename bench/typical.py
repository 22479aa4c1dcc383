"""Pulls an org's event log files the way a first script does it: simple-salesforce, csv, json.

The bench compares Orgtap with it. Usage: typical.py ORG_URL OUTPUT_FILE
"""

import csv
import io
import json
import sys

from simple_salesforce import Salesforce

VERSION = "66.0"
QUERY = (
    "SELECT Id, EventType, LogDate, LogFile FROM EventLogFile"
    " WHERE Interval = 'Daily' ORDER BY LogDate ASC"
)

url, output = sys.argv[1:3]
sf = Salesforce(instance_url=url, session_id="00D5j!bench", version=VERSION)
sf.base_url = f"{url}/services/data/v{VERSION}/"  # the library itself insists on https

events = 0
with open(output, "w", encoding="utf-8") as out:
    for record in sf.query_all(QUERY)["records"]:
        answer = sf.session.get(url + record["LogFile"], headers=sf.headers)
        answer.raise_for_status()
        answer.encoding = "utf-8"
        for row in csv.DictReader(io.StringIO(answer.text, newline="")):
            out.write(json.dumps(row) + "\n")
            events += 1
print(events)
