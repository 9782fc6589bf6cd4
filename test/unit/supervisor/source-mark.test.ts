import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { markSources } from '../../../control-plane/supervisor/source-mark.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'edge-mark-'));
  mkdirSync(join(root, 'src/dist'), { recursive: true });
  writeFileSync(join(root, 'src/a.ts'), 'a');
  writeFileSync(join(root, 'lock.json'), '{}');
});
afterEach(() => rmSync(root, { recursive: true }));

const mark = (): string => markSources(root, ['src', 'lock.json', 'missing']);

describe('markSources', () => {
  it('stays while nothing changes, and does not see what was built', () => {
    const before = mark();
    writeFileSync(join(root, 'src/dist/out.js'), 'built');
    expect(mark()).toBe(before);
  });
  it.each([
    ['changed content', () => writeFileSync(join(root, 'src/a.ts'), 'b')],
    ['a new file', () => writeFileSync(join(root, 'src/b.ts'), '')],
    ['a renamed file', () => renameSync(join(root, 'src/a.ts'), join(root, 'src/c.ts'))],
    ['a change in a named file', () => writeFileSync(join(root, 'lock.json'), '[]')],
  ])('sees %s', (_what, change) => {
    const before = mark();
    change();
    expect(mark()).not.toBe(before);
  });
});
