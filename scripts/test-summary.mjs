/*
 * test-summary.mjs REPORT STATUS: names what failed and what was skipped in vitest's JSON report, and ends with the line
 * `N passed, N failed, N skipped`. Its exit status is 0 only when vitest's was and nothing failed.
 */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

const [reportFile, status] = process.argv.slice(2);
const files = readReport();

const tests = files.flatMap((file) =>
  file.assertionResults.map((test) => ({ status: test.status, name: `${nameOf(file)}: ${test.fullName}` })),
);
const failed = tests.filter((test) => test.status === 'failed').map((test) => test.name);
// A file that cannot be loaded, or whose set-up fails, has no failed test to show for it.
for (const file of files) {
  if (file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed')) {
    failed.push(`${nameOf(file)}: ${file.message.split('\n')[0]}`);
  }
}
if (status !== '0' && failed.length === 0) failed.push('vitest itself: see above');
const passed = tests.filter((test) => test.status === 'passed');
const skipped = tests.filter((test) => test.status !== 'passed' && test.status !== 'failed').map((test) => test.name);

for (const name of skipped) console.log(`skipped: ${name}`);
for (const name of failed) console.log(`failed: ${name}`);
console.log(`${passed.length} passed, ${failed.length} failed, ${skipped.length} skipped`);
process.exitCode = failed.length === 0 ? 0 : 1;

function readReport() {
  const text = readFileSync(reportFile, 'utf8');
  // Empty: vitest ended before it could write.
  return text === '' ? [] : JSON.parse(text).testResults;
}

function nameOf(file) {
  return relative(process.cwd(), file.name);
}
