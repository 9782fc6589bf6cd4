/** Builds the console ahead of a start, e.g. into an image. */
import { resolve } from 'node:path';
import { buildConsole } from './builds.ts';

await buildConsole({
  root: resolve(import.meta.dirname, '../..'),
  signal: new AbortController().signal,
  onLine: (_role, line) => console.log(line),
});
