/** Writes `.env.example` from the settings table; `--check` only says whether it is current (exit 1 if not). */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { renderEnvExample } from './settings-text.ts';

const file = join(resolve(import.meta.dirname, '../..'), '.env.example');
const content = renderEnvExample();

if (!process.argv.includes('--check')) {
  writeFileSync(file, content);
} else if (!existsSync(file) || readFileSync(file, 'utf8') !== content) {
  console.error('.env.example is not current: run `node control-plane/supervisor/write-env-example.ts`.');
  process.exitCode = 1;
}
