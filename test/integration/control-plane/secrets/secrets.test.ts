/** Secrets by name as people set, check and delete them; their values nowhere but with whom they are for. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withStoreErrors } from '../../../../control-plane/access/store-failure.ts';
import { behindTheWall } from '../../../../control-plane/access/tenant-scope.ts';
import type { Encryption } from '../../../../control-plane/secrets/encryption.ts';
import { createKeyUseCases } from '../../../../control-plane/secrets/key-use-cases.ts';
import { createSecretsByName } from '../../../../control-plane/secrets/secret-use-cases.ts';
import type { SecretUseCases } from '../../../../control-plane/secrets-use-cases.ts';
import { openTestEncryption } from '../../../support/encryption.ts';
import { ACCESS_KEY_ID, type FakeAws, SECRET_ACCESS_KEY, startFakeAws } from '../../../support/fake-aws.ts';
import { type FakeVault, ROLE_ID, SECRET_ID, startFakeVault } from '../../../support/fake-vault.ts';
import { type Installation, startInstallation } from '../access/installation.ts';

/** Every value that must be seen nowhere begins with it. */
const CANARY = 'c4n4ry';
const folder = mkdtempSync(join(tmpdir(), 'edge-secrets-'));
const clock = { aheadMs: 0 };
const logLines: string[] = [];
/** All that use cases gave or threw. */
const outputs: string[] = [];
let world: Installation;
let vault: FakeVault;
let aws: FakeAws;
let encryption: Encryption;
let secrets: SecretUseCases;
let acme: string;
beforeAll(async () => {
  process.env.AWS_ACCESS_KEY_ID = ACCESS_KEY_ID;
  process.env.AWS_SECRET_ACCESS_KEY = SECRET_ACCESS_KEY;
  world = await startInstallation();
  vault = await startFakeVault();
  aws = await startFakeAws();
  acme = world.acme.id;
  const write = (fields: object, message: string): void =>
    void logLines.push(JSON.stringify({ fields, message }));
  const log = { debug: write, info: write, warn: write, error: write };
  encryption = await openTestEncryption(world.database, folder, {
    log,
    now: () => new Date(Date.now() + clock.aheadMs),
    settings: {
      ...{ vaultAddr: vault.address, vaultAuth: 'approle', vaultRoleId: ROLE_ID, vaultSecretId: SECRET_ID },
      ...{ awsRegion: 'eu-central-1', awsEndpointUrl: aws.address, secretCacheSeconds: 60 },
    },
  });
  const deps = { database: world.database, encryption, log };
  const made = withStoreErrors({ ...createSecretsByName(deps), ...createKeyUseCases(deps) });
  secrets = heard(behindTheWall(world.database, { secrets: made }).secrets);
});
afterAll(async () => {
  await encryption.stop();
  await world.stop();
  await vault.stop();
  await aws.stop();
  delete process.env.AWS_ACCESS_KEY_ID;
  delete process.env.AWS_SECRET_ACCESS_KEY;
  rmSync(folder, { recursive: true });
});

/** The same use cases, whose answers and errors are kept. */
function heard(useCases: SecretUseCases): SecretUseCases {
  const wrapped = Object.entries(useCases).map(([name, work]) => [
    name,
    async (...args: unknown[]) => {
      try {
        const result: unknown = await Reflect.apply(work, useCases, args);
        outputs.push(JSON.stringify(result) ?? '');
        return result;
      } catch (error) {
        outputs.push(`${error} ${JSON.stringify(error)} ${error instanceof Error ? error.stack : ''}`);
        throw error;
      }
    },
  ]);
  return Object.fromEntries(wrapped);
}
const audit = async () => (await world.database.audit.list(null, {}, { limit: 500 })).items;
const only = async (name: string) => (await secrets.check(world.acmeAdmin, acme, { names: [name] })).items[0];

describe('secrets', () => {
  it('are set, listed without value, resolved, replaced and deleted', async () => {
    const first = await secrets.put(world.acmeAdmin, acme, 'DB_PASSWORD', { value: `${CANARY}-1` });
    expect(first).toMatchObject({
      name: 'DB_PASSWORD',
      provider: 'builtin',
      version: 1,
      updated_by: world.acmeAdmin.email,
    });
    expect(await encryption.secrets.resolve(acme, ['DB_PASSWORD'])).toEqual(
      new Map([['DB_PASSWORD', `${CANARY}-1`]]),
    );
    await secrets.put(world.acmeAdmin, acme, 'DB_PASSWORD', { value: `${CANARY}-2` });
    expect((await encryption.secrets.resolve(acme, ['DB_PASSWORD'])).get('DB_PASSWORD')).toBe(`${CANARY}-2`);
    const { items } = await secrets.list(world.acmeAdmin, acme, {});
    expect(items).toMatchObject([{ name: 'DB_PASSWORD', version: 2, last_error: null }]);
    await secrets.delete(world.acmeAdmin, acme, 'DB_PASSWORD');
    await expect(secrets.delete(world.acmeAdmin, acme, 'DB_PASSWORD')).rejects.toMatchObject({
      code: 'secret.not_found',
    });
    await expect(encryption.secrets.resolve(acme, ['DB_PASSWORD'])).rejects.toMatchObject({
      code: 'secret.unresolved',
      errors: [{ path: 'secret:DB_PASSWORD', message: 'There is no secret of this name' }],
    });
  });

  it('come from Vault by field, are cached, and are an error after that when Vault is down', async () => {
    vault.kv.set('edge/acme/db/main', { value: `${CANARY}-v`, user: 'u' });
    await secrets.put(world.acmeAdmin, acme, 'FROM_VAULT', { provider: 'vault', path: 'db/main' });
    const resolve = async () => (await encryption.secrets.resolve(acme, ['FROM_VAULT'])).get('FROM_VAULT');
    expect(await resolve()).toBe(`${CANARY}-v`);
    vault.isSealed = true;
    expect(await resolve()).toBe(`${CANARY}-v`);
    clock.aheadMs += 61_000;
    await expect(resolve()).rejects.toMatchObject({
      code: 'secret.unresolved',
      errors: [{ path: 'secret:FROM_VAULT', message: 'The provider does not answer' }],
    });
    expect((await secrets.list(world.acmeAdmin, acme, {})).items[0]).toMatchObject({
      last_error: 'The provider does not answer',
    });
    vault.isSealed = false;
    expect(await only('FROM_VAULT')).toEqual({ name: 'FROM_VAULT', resolves: true, code: null, error: null });
  });

  it('come from AWS, whole or by a field of a JSON text', async () => {
    aws.secrets.set('edge/acme/api', JSON.stringify({ key: `${CANARY}-a` }));
    await secrets.put(world.acmeAdmin, acme, 'WHOLE', { provider: 'aws', path: 'api' });
    await secrets.put(world.acmeAdmin, acme, 'FIELD', { provider: 'aws', path: 'api', field: 'key' });
    const values = await encryption.secrets.resolve(acme, ['WHOLE', 'FIELD']);
    expect([...values].sort()).toEqual([
      ['FIELD', `${CANARY}-a`],
      ['WHOLE', JSON.stringify({ key: `${CANARY}-a` })],
    ]);
    expect(aws.requests.every(({ signed }) => signed)).toBe(true);
  });

  it.each([
    ['nothing at the path', { provider: 'vault', path: 'nowhere' }, 'not_found'],
    ['a deleted version', { provider: 'vault', path: 'deleted' }, 'not_found'],
    ['no such field', { provider: 'vault', path: 'db/main', field: 'password' }, 'field_missing'],
    ['a field that is no text', { provider: 'vault', path: 'nested' }, 'not_text'],
    ['nothing of this id in AWS', { provider: 'aws', path: 'nowhere' }, 'not_found'],
    ['a JSON field of a plain text', { provider: 'aws', path: 'plain', field: 'key' }, 'field_missing'],
    ['more than 64 KiB', { provider: 'aws', path: 'large' }, 'too_large'],
  ] as const)('say why there is no value: %s', async (_why, body, code) => {
    vault.kv.set('edge/acme/deleted', null);
    vault.kv.set('edge/acme/nested', { value: { inner: `${CANARY}-n` } });
    aws.secrets.set('edge/acme/plain', `${CANARY}-p`);
    aws.secrets.set('edge/acme/large', `${CANARY}${'x'.repeat(65_536)}`);
    await secrets.put(world.acmeAdmin, acme, 'BROKEN', body);
    expect(await only('BROKEN')).toMatchObject({ resolves: false, code });
  });

  it('never leave the folder of their organisation', async () => {
    vault.kv.set('edge/globex/key', { value: `${CANARY}-globex` });
    vault.kv.set('edge/key', { value: `${CANARY}-root` });
    const paths = [
      '../globex/key',
      'a/../../globex/key',
      '..',
      './../key',
      '/edge/globex/key',
      'a//b',
      '%2e%2e/globex/key',
    ];
    for (const path of [...paths, '..\\globex', 'a b', 'ключ', 'a/', '', `${'a/'.repeat(160)}a`]) {
      for (const provider of ['vault', 'aws'] as const) {
        await expect(secrets.put(world.acmeAdmin, acme, 'ESCAPE', { provider, path })).rejects.toMatchObject({
          code: 'secret.path_invalid',
        });
      }
    }
  });

  it('name the field that is wrong', async () => {
    const put = (body: Parameters<SecretUseCases['put']>[3]) => secrets.put(world.acmeAdmin, acme, 'X', body);
    const named = (path: string) => ({ code: 'request.invalid', errors: [{ path }] });
    await expect(put({})).rejects.toMatchObject(named('value'));
    await expect(put({ value: `${CANARY}${'ä'.repeat(40_000)}` })).rejects.toMatchObject(named('value'));
    await expect(put({ value: `${CANARY}-x`, path: 'a' })).rejects.toMatchObject(named('path'));
    await expect(put({ provider: 'vault', path: 'a', value: `${CANARY}-x` })).rejects.toMatchObject(
      named('value'),
    );
    await expect(put({ provider: 'aws' })).rejects.toMatchObject(named('path'));
  });

  it('are hidden from strangers and closed to members, with one audit row for each write', async () => {
    const before = (await audit()).length;
    const value = { value: `${CANARY}-s` };
    await expect(secrets.put(world.globexAdmin, acme, 'S', value)).rejects.toMatchObject({
      code: 'organization.not_found',
    });
    await expect(secrets.put(world.acmeMember, acme, 'S', value)).rejects.toMatchObject({
      code: 'auth.forbidden',
    });
    await expect(secrets.list(world.acmeMember, acme, {})).rejects.toMatchObject({ code: 'auth.forbidden' });
    await expect(secrets.list(world.globexAdmin, acme, {})).rejects.toMatchObject({
      code: 'organization.not_found',
    });
    await expect(secrets.check(world.globexAdmin, acme, {})).rejects.toMatchObject({
      code: 'organization.not_found',
    });
    await expect(secrets.rotateMaster(world.acmeAdmin)).rejects.toMatchObject({ code: 'auth.forbidden' });
    await secrets.put(world.acmeAdmin, acme, 'S', value);
    expect(
      (await audit())
        .slice(0, -before || undefined)
        .map(({ action, outcome, orgId }) => [action, outcome, orgId]),
    ).toEqual([
      ['secret.put', 'success', acme],
      ['encryption.rotate_master', 'refused', null],
      ['secret.check', 'refused', null],
      ['secret.put', 'refused', acme],
      ['secret.put', 'refused', null],
    ]);
  });
});

describe('keys', () => {
  it('are rotated for an organisation and for the installation, with progress', async () => {
    const rotated = await secrets.rotate(world.acmeAdmin, acme);
    expect(rotated.keys.map(({ state }) => state)).toEqual(['active', 'retiring']);
    expect(rotated.rotation).toMatchObject({ left: rotated.rotation?.total });
    await encryption.rotateDue();
    expect((await secrets.encryption(world.acmeAdmin, acme)).rotation).toMatchObject({ left: 0 });
    const master = await secrets.rotateMaster(world.systemAdmin);
    expect(master).toMatchObject({
      provider: 'local',
      generation: 2,
      rotation: { left: master.rotation?.total },
    });
    await encryption.rotateDue();
    expect(await secrets.master(world.systemAdmin)).toMatchObject({
      rotation: null,
      rotated_by: world.systemAdmin.email,
    });
    expect((await encryption.secrets.resolve(acme, ['S'])).get('S')).toBe(`${CANARY}-s`);
    await expect(secrets.encryption(world.globexAdmin, acme)).rejects.toMatchObject({
      code: 'organization.not_found',
    });
  });
});

describe('a value', () => {
  it('stands in no answer, error, log line or audit row', async () => {
    expect(outputs.length).toBeGreaterThan(40);
    expect(outputs.filter((line) => line.includes(CANARY))).toEqual([]);
    expect(logLines.length).toBeGreaterThan(5);
    expect([...logLines, ...world.logLines].filter((line) => line.includes(CANARY))).toEqual([]);
    expect(JSON.stringify(await audit())).not.toContain(CANARY);
  });
});
