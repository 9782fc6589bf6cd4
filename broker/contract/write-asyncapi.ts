/** Writes the AsyncAPI document beside this file; with `--check` only says whether it is current (exit code 1 if not). */
import { readFileSync, writeFileSync } from 'node:fs';
import { asyncApiDocument } from './asyncapi.ts';

const file = new URL('asyncapi.gen.json', import.meta.url);
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
const text = `${JSON.stringify(asyncApiDocument(version), null, 2)}\n`;

if (!process.argv.includes('--check')) {
  writeFileSync(file, text);
} else if (readOrNull() !== text) {
  process.stderr.write(
    'broker/contract/asyncapi.gen.json is not current: run `npm run contract` and commit it.\n',
  );
  process.exitCode = 1;
}

function readOrNull(): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // Not written yet is one way of not being current.
    return null;
  }
}
