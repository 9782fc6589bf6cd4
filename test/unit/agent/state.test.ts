/** The state folder and the key pairs in it, with a power cut before every step that writes. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Type } from 'typebox';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAuthority } from '#certs';
import { createCsr, createKeyPair } from '#certs/csr';
import { commonNameOf, identityUriOf, organizationNameOf } from '#contract';
import { openCredentials, writeFirstPair } from '../../../agent/credentials.ts';
import { faultOfPair, type Pair, STATE_FILES } from '../../../agent/identity.ts';
import { raiseEpoch } from '../../../agent/session-epoch.ts';
import { openStateFolder, type StateFolder } from '../../../agent/state.ts';

const principal = { kind: 'device', org: 'acme', device: '0c8f6a52-4f0e-4f6f-9d3c-0f8d6a1b2c3d' } as const;
const clientId = commonNameOf(principal);

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'agent-state-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

class PowerCut extends Error {}

/** A folder that loses power before its `at`-th step (1 = the first); 0 = never. */
async function folderThatFails(
  dir: string,
  at: number,
): Promise<{ folder: StateFolder; steps: () => number }> {
  let steps = 0;
  const folder = await openStateFolder(dir, {
    before: () => {
      steps += 1;
      if (steps === at) throw new PowerCut();
    },
  });
  return { folder, steps: () => steps };
}

describe('the state folder', () => {
  it('is closed to others, and so are its files', async () => {
    const folder = await openStateFolder(join(root, 'state'));
    await folder.write('a', 'secret');
    expect(statSync(folder.dir).mode & 0o777).toBe(0o700);
    expect(statSync(folder.path('a')).mode & 0o777).toBe(0o600);
  });

  it('shows the old content or the new, whenever the power goes', async () => {
    for (let at = 1; at <= 5; at += 1) {
      const dir = join(root, `cut-${at}`);
      await (await openStateFolder(dir)).write('a', 'old');
      const { folder } = await folderThatFails(dir, at);
      await expect(folder.write('a', 'new')).rejects.toThrow(PowerCut);
      const found = readFileSync(join(dir, 'a'), 'utf8');
      expect(found).toBe(at === 5 ? 'new' : 'old');
    }
  });

  it('names a damaged file instead of trusting it', async () => {
    const folder = await openStateFolder(root);
    writeFileSync(folder.path('x.json'), '{"epoch": "many"}');
    await expect(folder.readJson('x.json', Type.Object({ epoch: Type.Integer() }))).rejects.toThrow(
      /x\.json is damaged/,
    );
    expect(await folder.readJson('none.json', Type.Object({}))).toBeNull();
  });

  it('refuses a path that is a file', async () => {
    writeFileSync(join(root, 'file'), '');
    await expect(openStateFolder(join(root, 'file'))).rejects.toThrow(/cannot be used/);
  });
});

describe('raiseEpoch', () => {
  it('rises with each call, over restarts', async () => {
    const now = () => new Date();
    const epochs = [
      await raiseEpoch(await openStateFolder(root), now),
      await raiseEpoch(await openStateFolder(root), now),
    ];
    expect(epochs).toEqual([1, 2]);
  });

  it('goes on above any count when its file is damaged', async () => {
    const folder = await openStateFolder(root);
    writeFileSync(folder.path(STATE_FILES.session), 'garbage');
    expect(await raiseEpoch(folder, () => new Date(1_800_000_000_000))).toBe(1_800_000_000);
  });
});

describe('renewal on disk', () => {
  it('holds one working pair after a power cut before any of its writes, and can be finished', async () => {
    const authority = await openAuthority({ dir: join(root, 'ca') });
    const issue = (privateKey: string): Pair => ({
      private_key: privateKey,
      certificate_chain: authority.issue({
        csrPem: createCsr(privateKey),
        subject: { commonName: clientId, organization: organizationNameOf(principal), unit: 'device' },
        identityUri: identityUriOf(principal),
        days: 60,
      }).chainPem,
    });
    const first = issue(createKeyPair().privateKeyPem);

    /** The whole renewal, as the agent does it. */
    const renew = async (folder: StateFolder): Promise<void> => {
      const credentials = await openCredentials(folder, clientId);
      const key = await credentials.beginRenewal(() => createKeyPair().privateKeyPem);
      if (credentials.next() === null) await credentials.storeNext(issue(key).certificate_chain);
      await credentials.promoteNext();
    };

    const whole = await folderThatFails(join(root, 'whole'), 0);
    await writeFirstPair(whole.folder, first);
    const stepsBefore = whole.steps();
    await renew(whole.folder);
    const stepCount = whole.steps() - stepsBefore;
    expect(stepCount).toBe(15);

    for (let at = 1; at <= stepCount; at += 1) {
      const dir = join(root, `cut-${at}`);
      await writeFirstPair(await openStateFolder(dir), first);
      const { folder } = await folderThatFails(dir, at);
      await expect(renew(folder)).rejects.toThrow(PowerCut);

      const restarted = await openStateFolder(dir);
      const credentials = await openCredentials(restarted, clientId);
      expect(faultOfPair(credentials.current(), clientId)).toBeNull();
      const next = credentials.next();
      if (next !== null) expect(faultOfPair(next, clientId)).toBeNull();
      await renew(restarted);
      const finished = await openCredentials(restarted, clientId);
      expect(faultOfPair(finished.current(), clientId)).toBeNull();
      expect(finished.next()).toBeNull();
      expect(finished.current().private_key).not.toBe(first.private_key);
    }
  });

  it('does not store a chain for another key or another device', async () => {
    const authority = await openAuthority({ dir: join(root, 'ca') });
    const chainFor = (key: string, commonName: string): string =>
      authority.issue({
        csrPem: createCsr(key),
        subject: { commonName, organization: 'acme', unit: 'device' },
        identityUri: identityUriOf(principal),
        days: 60,
      }).chainPem;
    const folder = await openStateFolder(join(root, 'state'));
    const key = createKeyPair().privateKeyPem;
    await writeFirstPair(folder, { private_key: key, certificate_chain: chainFor(key, clientId) });
    const credentials = await openCredentials(folder, clientId);
    const newKey = await credentials.beginRenewal(() => createKeyPair().privateKeyPem);
    await expect(credentials.storeNext(chainFor(key, clientId))).rejects.toThrow(/another key/);
    await expect(credentials.storeNext(chainFor(newKey, 'acme/other'))).rejects.toThrow(/another device/);
    await expect(credentials.storeNext('nonsense')).rejects.toThrow(/cannot be read/);
    expect(credentials.next()).toBeNull();
    expect(await credentials.beginRenewal(() => 'not asked')).toBe(newKey);
  });
});
