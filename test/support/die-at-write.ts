/**
 * `node --import die-at-write.ts …` ends this process by SIGKILL in the middle of the n-th replacement of a file:
 * DIE_FILE names it, DIE_AT is `n:open`, `n:rename` (before each of them) or `n:renamed` (after it).
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const [wanted, step] = (process.env.DIE_AT ?? '').split(':');
const file = process.env.DIE_FILE;
let save = 0;

function dieAt(reached: string): void {
  if (String(save) === wanted && reached === step) process.kill(process.pid, 'SIGKILL');
}

if (file !== undefined) {
  const { open, rename } = fs.promises;
  fs.promises.open = (path, ...rest) => {
    if (String(path).endsWith(`${file}.tmp`)) {
      save += 1;
      dieAt('open');
    }
    return open(path, ...rest);
  };
  fs.promises.rename = async (from, to) => {
    if (!String(to).endsWith(file)) return rename(from, to);
    dieAt('rename');
    await rename(from, to);
    dieAt('renamed');
  };
  syncBuiltinESMExports();
}
