/** Master keys: a real file, and the documented protocols of Vault and AWS KMS against servers of our own. */
import { randomBytes, randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAwsKms } from '../../../../control-plane/secrets/aws-kms.ts';
import { MASTER_KEY_FILE, openLocalMasterKey } from '../../../../control-plane/secrets/local-master-key.ts';
import type { MasterKey } from '../../../../control-plane/secrets/master-key.ts';
import { createVaultClient } from '../../../../control-plane/secrets/vault-client.ts';
import { createVaultTransit } from '../../../../control-plane/secrets/vault-transit.ts';
import {
  ACCESS_KEY_ID,
  type FakeAws,
  KMS_KEY_ID,
  SECRET_ACCESS_KEY,
  startFakeAws,
} from '../../../support/fake-aws.ts';
import {
  type FakeVault,
  KUBERNETES_JWT,
  ROLE_ID,
  ROOT_TOKEN,
  SECRET_ID,
  startFakeVault,
} from '../../../support/fake-vault.ts';

const folder = mkdtempSync(join(tmpdir(), 'edge-master-'));
let vault: FakeVault;
let aws: FakeAws;
beforeAll(async () => {
  vault = await startFakeVault();
  aws = await startFakeAws();
  process.env.AWS_ACCESS_KEY_ID = ACCESS_KEY_ID;
  process.env.AWS_SECRET_ACCESS_KEY = SECRET_ACCESS_KEY;
});
afterAll(async () => {
  await vault.stop();
  await aws.stop();
  delete process.env.AWS_ACCESS_KEY_ID;
  delete process.env.AWS_SECRET_ACCESS_KEY;
  rmSync(folder, { recursive: true });
});

const vaultClient = (auth: Parameters<typeof createVaultClient>[0]['auth'], now?: () => Date) =>
  createVaultClient(
    { address: vault.address, namespace: null, ca: null, auth },
    { wait: async () => undefined, ...(now === undefined ? {} : { now }) },
  );
const appRole = { method: 'approle', roleId: ROLE_ID, secretId: SECRET_ID } as const;
const transitOf = (client: ReturnType<typeof createVaultClient>) =>
  createVaultTransit({ client, mount: 'transit', key: 'ops-center-edge' });

const KEYS: [string, () => Promise<MasterKey>][] = [
  ['the local file', () => openLocalMasterKey({ dir: join(folder, 'local') })],
  ['Vault transit', async () => transitOf(vaultClient(appRole))],
  ['AWS KMS', () => createAwsKms({ region: 'eu-central-1', endpoint: aws.address, keyId: KMS_KEY_ID })],
];

describe.each(KEYS)('%s', (_name, open) => {
  const context = { orgId: randomUUID(), keyId: randomUUID() };

  it('wraps and unwraps, before and after its rotation', async () => {
    const key = await open();
    const dataKey = randomBytes(32);
    const before = await key.wrap(dataKey, context);
    await key.rotate();
    const after = await key.wrap(dataKey, context);
    expect(Buffer.from(await key.unwrap(before, context)).equals(dataKey)).toBe(true);
    expect(Buffer.from(await key.unwrap(after, context)).equals(dataKey)).toBe(true);
    expect(before).not.toBe(after);
    for (const text of [before, after]) {
      expect(text).not.toContain(dataKey.toString('base64').slice(0, 20));
    }
  });

  it.each([
    ['another organisation', { ...context, orgId: randomUUID() }],
    ['the installation', { ...context, orgId: null }],
    ['another key', { ...context, keyId: randomUUID() }],
  ])('does not unwrap for %s', async (_who, other) => {
    const key = await open();
    const wrapped = await key.wrap(randomBytes(32), context);
    await expect(key.unwrap(wrapped, other)).rejects.toMatchObject({ code: 'encryption.unreadable' });
  });

  it('does not unwrap a text that was changed', async () => {
    const key = await open();
    const wrapped = await key.wrap(randomBytes(32), context);
    const at = wrapped.length - 8;
    const changed = `${wrapped.slice(0, at)}${wrapped[at] === 'A' ? 'B' : 'A'}${wrapped.slice(at + 1)}`;
    await expect(key.unwrap(changed, context)).rejects.toMatchObject({ code: 'encryption.unreadable' });
  });
});

describe('the local file', () => {
  it('is for its owner alone, and is refused when it is not', async () => {
    const dir = join(folder, 'mode');
    await openLocalMasterKey({ dir });
    const file = join(dir, MASTER_KEY_FILE);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    chmodSync(file, 0o644);
    const key = openLocalMasterKey({ dir });
    await expect(key).rejects.toThrow('can be read by others');
  });

  it('is made once by processes that start together', async () => {
    const dir = join(folder, 'race');
    const keys = await Promise.all(Array.from({ length: 8 }, () => openLocalMasterKey({ dir })));
    const context = { orgId: null, keyId: randomUUID() };
    const dataKey = randomBytes(32);
    for (const one of keys) {
      const wrapped = await one.wrap(dataKey, context);
      for (const other of keys) {
        expect(Buffer.from(await other.unwrap(wrapped, context)).equals(dataKey)).toBe(true);
      }
    }
  });

  it('is read again where another process has rotated it', async () => {
    const dir = join(folder, 'other-process');
    const [one, other] = [await openLocalMasterKey({ dir }), await openLocalMasterKey({ dir })];
    const context = { orgId: null, keyId: randomUUID() };
    await one.rotate();
    const wrapped = await one.wrap(Buffer.alloc(32, 7), context);
    expect(Buffer.from(await other.unwrap(wrapped, context)).equals(Buffer.alloc(32, 7))).toBe(true);
    expect(JSON.parse(readFileSync(join(dir, MASTER_KEY_FILE), 'utf8'))).toMatchObject({ current: 2 });
  });

  it('is refused when it is damaged, naming the remedy', async () => {
    const dir = join(folder, 'damaged');
    await openLocalMasterKey({ dir });
    writeFileSync(join(dir, MASTER_KEY_FILE), '{');
    await expect(openLocalMasterKey({ dir })).rejects.toThrow('restore it from a backup');
  });
});

describe('Vault', () => {
  const context = { orgId: null, keyId: randomUUID() };
  const wrap = (key: MasterKey) => key.wrap(Buffer.alloc(32), context);

  it('is signed in to by token, AppRole and Kubernetes', async () => {
    const tokenFile = join(folder, 'service-token');
    writeFileSync(tokenFile, `${KUBERNETES_JWT}\n`);
    for (const auth of [
      { method: 'token', token: ROOT_TOKEN },
      appRole,
      { method: 'kubernetes', role: 'edge', tokenFile },
    ] as const) {
      expect(await wrap(transitOf(vaultClient(auth)))).toMatch(/^vault:v\d+:/);
    }
  });

  it('renews its token after two thirds of the lease, and signs in again when it was revoked', async () => {
    const clock = { ms: Date.now() };
    const key = transitOf(vaultClient(appRole, () => new Date(clock.ms)));
    await wrap(key);
    vault.requests.length = 0;
    clock.ms += 1000 * 3600 * 0.6;
    await wrap(key);
    expect(vault.requests.map(({ path }) => path)).toEqual(['/v1/transit/encrypt/ops-center-edge']);
    clock.ms += 1000 * 3600 * 0.1;
    await wrap(key);
    expect(vault.requests.map(({ path }) => path)).toContain('/v1/auth/token/renew-self');
    vault.requests.length = 0;
    vault.revokeTokens();
    await wrap(key);
    expect(vault.requests.map(({ path }) => path)).toContain('/v1/auth/approle/login');
  });

  it('is tried again after 429 and 5xx, a bounded number of times', async () => {
    const key = transitOf(vaultClient(appRole));
    await wrap(key);
    vault.faults.push(429, 500);
    await wrap(key);
    vault.faults.push(500, 502, 503);
    await expect(wrap(key)).rejects.toMatchObject({ code: 'encryption.unavailable' });
    expect(vault.faults).toEqual([]);
    vault.faults.push('reset');
    await expect(wrap(key)).rejects.toMatchObject({ code: 'encryption.unavailable' });
  });

  it('says when it is sealed, when it denies and when it is not there', async () => {
    const key = transitOf(vaultClient(appRole));
    await wrap(key);
    vault.isSealed = true;
    await expect(wrap(key)).rejects.toMatchObject({ detail: 'Vault is sealed' });
    vault.isSealed = false;
    const wrongMount = createVaultTransit({ client: vaultClient(appRole), mount: 'transit', key: 'other' });
    await expect(wrap(wrongMount)).rejects.toMatchObject({ detail: 'Vault denies access' });
    const nowhere = createVaultClient({
      address: 'http://127.0.0.1:1',
      namespace: null,
      ca: null,
      auth: appRole,
    });
    await expect(wrap(transitOf(nowhere))).rejects.toMatchObject({ code: 'encryption.unavailable' });
    const wrong = transitOf(vaultClient({ ...appRole, secretId: 'wrong' }));
    await expect(wrap(wrong)).rejects.toMatchObject({ detail: 'Vault denies the sign-in' });
  });
});

describe('AWS KMS', () => {
  it('signs each request, and says so when it is denied', async () => {
    const key = await createAwsKms({ region: 'eu-central-1', endpoint: aws.address, keyId: KMS_KEY_ID });
    await key.wrap(Buffer.alloc(32), { orgId: null, keyId: randomUUID() });
    expect(aws.requests.at(-1)).toEqual({ target: 'TrentService.Encrypt', status: 200, signed: true });
    aws.faults.push('AccessDeniedException');
    await expect(key.wrap(Buffer.alloc(32), { orgId: null, keyId: randomUUID() })).rejects.toMatchObject({
      code: 'encryption.unavailable',
      detail: 'AWS KMS does not answer (AccessDeniedException)',
    });
  });
});
