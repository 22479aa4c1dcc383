// Asks a simulated org with jsforce, and prints what it saw as JSON.
//
// The one argument is a JSON object: url, username, password (with the security token),
// consumer_key, consumer_secret, download_id, download_to.
'use strict';

const fs = require('fs');
const { pipeline } = require('stream/promises');
const jsforce = require('jsforce');

async function main(order) {
  const connection = () =>
    new jsforce.Connection({
      version: '66.0',
      loginUrl: order.url,
      oauth2: {
        loginUrl: order.url,
        clientId: order.consumer_key,
        clientSecret: order.consumer_secret,
      },
    });

  const conn = connection();
  const user = await conn.login(order.username, order.password);
  if (!user.id.startsWith('005') || !user.organizationId.startsWith('00D')) {
    throw new Error(`strange identity ${JSON.stringify(user)}`);
  }
  const seen = { objects: (await conn.describeGlobal()).sobjects.map((entry) => entry.name) };
  const fields = (await conn.sobject('EventLogFile').describe()).fields;
  seen.fields = fields.map((field) => field.name);
  seen.event_types = fields
    .find((field) => field.name === 'EventType')
    .picklistValues.map((entry) => entry.value);

  const files = await conn
    .query(
      'SELECT Id, EventType, LogFile, LogFileLength FROM EventLogFile' +
        ' WHERE Sequence >= 0 ORDER BY CreatedDate, Id',
    )
    .execute({ autoFetch: true, maxFetch: 1000000 });
  seen.ids = files.records.map((record) => record.Id);
  seen.total_length = files.records.reduce((sum, record) => sum + record.LogFileLength, 0);
  seen.logins = (
    await conn.sobject('EventLogFile').find({ EventType: 'Login', Interval: 'Hourly' }, 'Id')
  ).length;

  const blob = conn.sobject('EventLogFile').record(order.download_id).blob('LogFile');
  await pipeline(blob, fs.createWriteStream(order.download_to));

  const limits = await conn.limits();
  seen.api_used = conn.limitInfo.apiUsage.used;
  seen.api_limit = limits.DailyApiRequests.Max;

  try {
    await conn.query('SELECT Id FORM EventLogFile');
  } catch (error) {
    seen.bad_query = error.errorCode;
  }

  const ended = await fetch(`${order.url}/_sim/sessions`, { method: 'POST', body: '{}' });
  if (!ended.ok) {
    throw new Error(`the sessions could not be ended: ${ended.status}`);
  }
  const organization = await conn.query('SELECT IsSandbox FROM Organization LIMIT 1');
  seen.survived_dead_session = organization.records[0].IsSandbox === false;

  try {
    await connection().login(order.username, 'wrong');
  } catch (error) {
    seen.wrong_password = [error.name, error.message];
  }
  seen.expected_refusal = ['invalid_grant', 'authentication failure'];
  process.stdout.write(JSON.stringify(seen));
}

main(JSON.parse(process.argv[2])).catch((error) => {
  console.error(error);
  process.exit(1);
});
