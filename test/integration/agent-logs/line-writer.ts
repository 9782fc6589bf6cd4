/**
 * A program that writes numbered lines into a file and rotates it, as fast as it is told:
 * `node line-writer.ts FILE MODE LINES EACH PER_MS`, MODE rename | copytruncate | none. Rotates after EACH lines; writes
 * PER_MS lines a millisecond on average. Prints nothing; exits 0 when all is written.
 */
import { closeSync, copyFileSync, existsSync, ftruncateSync, openSync, renameSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const [file = '', mode = 'none', lines = '0', each = '0', perMs = '1', first = '1'] = process.argv.slice(2);
const KEPT = 40;

let handle = openSync(file, 'a');
const shift = (): void => {
  for (let number = KEPT; number >= 1; number -= 1) {
    if (existsSync(`${file}.${number}`)) renameSync(`${file}.${number}`, `${file}.${number + 1}`);
  }
};
const rotate = (): void => {
  shift();
  if (mode === 'rename') {
    renameSync(file, `${file}.1`);
    // A program goes on writing into the renamed file until it is told.
    writeSync(handle, 'late\n');
    closeSync(handle);
    handle = openSync(file, 'a');
  } else if (mode === 'copytruncate') {
    copyFileSync(file, `${file}.1`);
    ftruncateSync(handle, 0);
  }
};

const startedAt = performance.now();
const last = Number(first) + Number(lines) - 1;
for (let number = Number(first); number <= last; number += 1) {
  const line = `line ${String(number).padStart(8, '0')} ${'x'.repeat(number % 90)}\n`;
  // Now and then a line comes in two parts, as a buffered writer's does.
  const half = number % 7 === 0 ? 9 : 0;
  if (half > 0) writeSync(handle, line.slice(0, half));
  writeSync(handle, line.slice(half));
  const done = number - Number(first) + 1;
  if (Number(each) > 0 && done % Number(each) === 0) rotate();
  const aheadMs = done / Number(perMs) - (performance.now() - startedAt);
  if (aheadMs > 5) await sleep(aheadMs);
}
closeSync(handle);
