import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  explainFolderError,
  judgeFolder,
  prepareDataFolder,
} from '../../../control-plane/supervisor/data-folder.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'edge-folder-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const uid = process.getuid?.() ?? null;
const folderAt = (path: string): string => join(folder, path);
const directory = (owner: number) => ({ isDirectory: () => true, uid: owner });

describe('prepareDataFolder', () => {
  it('makes a missing folder that nobody else can read, and leaves it empty', () => {
    prepareDataFolder(folderAt('a/b'), { uid });
    expect(statSync(folderAt('a/b')).mode & 0o777).toBe(0o700);
    expect(readdirSync(folderAt('a/b'))).toEqual([]);
  });

  it('takes read and write rights of others away', () => {
    chmodSync(folder, 0o775);
    prepareDataFolder(folder, { uid });
    expect(statSync(folder).mode & 0o066).toBe(0);
  });

  it('says so when a file is in its place', () => {
    writeFileSync(folderAt('data'), '');
    expect(() => prepareDataFolder(folderAt('data'), { uid })).toThrow(
      /(is a file|file is in its place).*--data-dir/,
    );
    expect(() => prepareDataFolder(folderAt('data/x'), { uid })).toThrow(
      /(is a file|file is in its place).*--data-dir/,
    );
  });

  it('says so when the disk has too little room', () => {
    expect(() => prepareDataFolder(folder, { uid, minFreeBytes: Number.MAX_SAFE_INTEGER })).toThrow(
      /MB left.*Free some space/,
    );
  });

  it('says so when the file system cannot be written', () => {
    expect(() => prepareDataFolder('/proc/edge-data', { uid })).toThrow(/takes no new files.*--data-dir/);
  });
});

describe('judgeFolder', () => {
  it('accepts an own folder', () => expect(judgeFolder('/d', directory(5), 5)).toBeNull());
  it('accepts any owner where the platform has none', () =>
    expect(judgeFolder('/d', directory(5), null)).toBeNull());
  it('refuses another user’s, to root too', () => {
    expect(judgeFolder('/d', directory(5), 0)).toMatch(/belongs to user 5, and this process runs as root/);
    expect(judgeFolder('/d', directory(0), 5)).toMatch(/belongs to root/);
  });
});

describe('explainFolderError', () => {
  it.each(['EEXIST', 'ENOTDIR', 'EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT'])(
    'has a remedy for %s',
    (code) => {
      expect(explainFolderError('/d', code)).toMatch(/\/d .*--data-dir/);
    },
  );
  it('leaves a bug a bug', () => expect(explainFolderError('/d', 'EBADF')).toBeNull());
});
