/** The openssl command line as an independent judge of what we sign, in a folder that ends with the test. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const TIMEOUT_MS = 20_000;

export interface OpensslFolder {
  readonly path: string;
  /** Writes a file and returns its path. */
  put(name: string, content: string | Uint8Array): string;
  /** Exit code and all output together. */
  run(...args: string[]): { code: number; output: string };
  [Symbol.dispose](): void;
}

export function openOpenssl(): OpensslFolder {
  const path = mkdtempSync(join(tmpdir(), 'edge-openssl-'));
  return {
    path,
    put(name, content) {
      const file = join(path, name);
      writeFileSync(file, content);
      return file;
    },
    run(...args) {
      const done = spawnSync('openssl', args, { cwd: path, encoding: 'utf8', timeout: TIMEOUT_MS });
      return { code: done.status ?? -1, output: `${done.stdout}${done.stderr}` };
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}
