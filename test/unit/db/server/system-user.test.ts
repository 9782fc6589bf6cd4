import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findClosedFolder, readUsers } from '../../../../db/server/system-user.ts';

describe('readUsers', () => {
  it('reads names and numbers, and skips what is no entry', () => {
    const passwd = 'root:x:0:0:root:/root:/bin/sh\n# remark\nnobody:x:65534:65534::/:/bin/false\n+::::::\n';
    expect(readUsers(passwd)).toEqual([
      { name: 'root', uid: 0, gid: 0 },
      { name: 'nobody', uid: 65534, gid: 65534 },
    ]);
  });
});

describe('findClosedFolder', () => {
  const stranger = { name: 'stranger', uid: 54_321, gid: 54_321 };
  let folder: string;
  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'edge-closed-')));
    mkdirSync(join(folder, 'inner', 'most'), { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('names the outermost folder that keeps the user out', () => {
    chmodSync(folder, 0o755);
    chmodSync(join(folder, 'inner'), 0o700);
    chmodSync(join(folder, 'inner', 'most'), 0o700);
    expect(findClosedFolder(join(folder, 'inner', 'most'), stranger)).toBe(join(folder, 'inner'));
  });

  it('is null where search is allowed all the way, even without reading', () => {
    for (const path of [folder, join(folder, 'inner'), join(folder, 'inner', 'most')]) chmodSync(path, 0o711);
    expect(findClosedFolder(join(folder, 'inner', 'most'), stranger)).toBeNull();
  });
});
