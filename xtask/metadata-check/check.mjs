// Reads Salesforce projects as the Salesforce CLI does, and fails on what it would not understand.
//
// Usage: check.mjs PROJECT...   each a folder with an sfdx-project.json
//
// Prints, per project and package directory, the components found, as "Type:Name". Knows nothing of
// what should be there beyond the project's own manifests; that is for the test that calls it.

import { strict as assert } from 'node:assert';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';

// Through `require`, because only that looks for packages where NODE_PATH says.
const require = createRequire(import.meta.url);
const { XMLParser, XMLValidator } = require('fast-xml-parser');
const { ComponentSet, ManifestResolver, MetadataConverter } = require('@salesforce/source-deploy-retrieve');

const NAMESPACE = 'http://soap.sforce.com/2006/04/metadata';

/** All files below a folder. */
function files(folder) {
  return readdirSync(folder)
    .map((name) => join(folder, name))
    .flatMap((path) => (statSync(path).isDirectory() ? files(path) : [path]));
}

/** The root element's name of an XML file, which must be well-formed and of the right namespace. */
function root(path) {
  const text = readFileSync(path, 'utf8');
  const verdict = XMLValidator.validate(text);
  assert.equal(verdict, true, `${path}: ${JSON.stringify(verdict)}`);
  const parsed = new XMLParser({ ignoreAttributes: false, ignoreDeclaration: true }).parse(text);
  const [name, ...more] = Object.keys(parsed);
  assert.deepEqual(more, [], `${path}: more than one root`);
  assert.equal(parsed[name]['@_xmlns'], NAMESPACE, path);
  return name;
}

/** The components of a package directory as "Type:Name", each file of which must belong to one. */
async function checkDirectory(folder, version) {
  const set = ComponentSet.fromSource(folder);
  set.sourceApiVersion = version;
  set.apiVersion = version;
  const components = set.getSourceComponents().toArray();
  const found = [];
  const known = new Set();
  for (const component of components) {
    found.push(`${component.type.name}:${component.fullName}`);
    known.add(resolve(component.xml));
    const expected =
      component.type.name === 'Settings' ? `${component.fullName}Settings` : component.type.name;
    assert.equal(root(component.xml), expected, component.xml);
  }
  for (const path of files(folder)) {
    assert.ok(known.has(resolve(path)), `${path} is no component`);
  }
  assert.equal(new Set(found).size, found.length, 'a component stands twice');
  await checkConversion(set, components.length);
  return found.sort();
}

/** The form in which components go to the org, which must hold them all. */
async function checkConversion(set, count) {
  const folder = mkdtempSync(join(tmpdir(), 'orgtap-metadata-check-'));
  try {
    const target = { type: 'directory', outputDirectory: folder, genUniqueDir: false };
    const result = await new MetadataConverter().convert(set, 'metadata', target);
    assert.equal(result.converted.length, count);
    const written = files(folder);
    assert.equal(written.length, count + 1, `${written}`);
    written.forEach(root);
    assert.ok(written.some((path) => basename(path) === 'package.xml'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The members of a manifest as "Type:Name". */
async function members(path, version) {
  assert.equal(root(path), 'Package');
  const manifest = await new ManifestResolver().resolve(path);
  assert.equal(manifest.apiVersion, version, path);
  return manifest.components.map(({ type, fullName }) => `${type.name ?? type}:${fullName}`);
}

async function checkProject(folder) {
  const project = JSON.parse(readFileSync(join(folder, 'sfdx-project.json'), 'utf8'));
  const version = project.sourceApiVersion;
  assert.match(version, /^\d+\.0$/);
  assert.equal(project.packageDirectories.filter((one) => one.default).length, 1);
  const found = {};
  for (const { path } of project.packageDirectories) {
    found[path] = await checkDirectory(join(folder, path), version);
  }
  const listed = [];
  for (const path of files(join(folder, 'manifest'))) {
    listed.push(...(await members(path, version)));
  }
  assert.deepEqual(listed.sort(), Object.values(found).flat().sort(), `${folder}: manifests`);
  return found;
}

const answer = {};
for (const folder of process.argv.slice(2)) {
  answer[folder] = await checkProject(folder);
}
console.log(JSON.stringify(answer));
