/** Encryption at rest over a real database: what is sealed, how keys are rotated, and what is left after they are destroyed. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Organization } from '#db';
import {
  activeConfiguration,
  sealConfiguration,
} from '../../../../control-plane/secrets/configuration-body.ts';
import type { Encryption } from '../../../../control-plane/secrets/encryption.ts';
import { createKeyring } from '../../../../control-plane/secrets/keyring.ts';
import { createSecretBox } from '../../../../control-plane/secrets/secret-box.ts';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { withClient } from '../../../support/database-server.ts';
import { openTestEncryption } from '../../../support/encryption.ts';
import { type FakeVault, ROOT_TOKEN, startFakeVault } from '../../../support/fake-vault.ts';
import { newDevice } from '../../db/world.ts';

const folder = mkdtempSync(join(tmpdir(), 'edge-encryption-'));
let test: TestDatabase;
let vault: FakeVault;
let encryption: Encryption;
/** Another process over the same database and key file. */
let neighbour: Encryption;
beforeAll(async () => {
  test = await createTestDatabase();
  vault = await startFakeVault();
  encryption = await openTestEncryption(test.database, folder, { retireAfterMs: 0 });
  neighbour = await openTestEncryption(test.database, folder, { retireAfterMs: 0 });
});
afterAll(async () => {
  await encryption.stop();
  await neighbour.stop();
  await vault.stop();
  await test.drop();
  rmSync(folder, { recursive: true });
});

const newOrg = (): Promise<Organization> =>
  test.database.organizations.create({ slug: `o${randomUUID().slice(0, 12)}`, name: 'Org' });
const context = { object: 'totp:1', version: 1 };
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const keysOf = (orgId: string) => test.database.dataKeys.list(orgId, 50);

/** A secret with a sealed value, as the use case makes it. */
async function addSecret(orgId: string, value: string): Promise<{ id: string; version: number }> {
  const secret = await test.database.secrets.put(orgId, {
    ...{ name: `s${randomUUID()}`, provider: 'builtin', path: null, field: null, updatedBy: 'test' },
  });
  const { id: secretId, version } = secret;
  const sealed = await encryption.secretBox.seal(
    { orgId },
    { object: `secret:${secretId}`, version },
    Buffer.from(value),
  );
  await test.database.secrets.addVersion(orgId, { secretId, version, sealed, createdBy: 'test' });
  return secret;
}
async function readSecret(by: Encryption, orgId: string, { id, version }: { id: string; version: number }) {
  const sealed = (await test.database.secrets.sealedValue(orgId, id, version)) ?? '';
  return text(await by.secretBox.open({ orgId }, { object: `secret:${id}`, version }, sealed));
}

describe('a secret box', () => {
  it('opens what it sealed, in this process and in another one', async () => {
    const org = await newOrg();
    for (const scope of [{ orgId: org.id }, { orgId: null }]) {
      const sealed = await encryption.secretBox.seal(scope, context, Buffer.from('canary'));
      expect(sealed).toMatch(/^v1\.[0-9a-f-]{36}\.[\w-]{16}\.[\w-]*\.[\w-]{22}$/);
      expect(text(await encryption.secretBox.open(scope, context, sealed))).toBe('canary');
      expect(text(await neighbour.secretBox.open(scope, context, sealed))).toBe('canary');
    }
  });

  it('makes one key for an organisation whose first uses come together', async () => {
    const org = await newOrg();
    const seals = Array.from({ length: 20 }, (_, index) =>
      (index % 2 === 0 ? encryption : neighbour).secretBox.seal({ orgId: org.id }, context, Buffer.from('x')),
    );
    const ids = new Set((await Promise.all(seals)).map((sealed) => sealed.split('.')[1]));
    expect(ids.size).toBe(1);
    expect(await keysOf(org.id)).toMatchObject([{ state: 'active', version: 1, provider: 'local' }]);
  });

  it('refuses another organisation, object or version, and an earlier text of the same object', async () => {
    const [org, other] = [await newOrg(), await newOrg()];
    const { secretBox } = encryption;
    const sealed = await secretBox.seal({ orgId: org.id }, context, Buffer.from('x'));
    await secretBox.seal({ orgId: other.id }, context, Buffer.from('x'));
    for (const [scope, bound] of [
      [{ orgId: other.id }, context],
      [{ orgId: null }, context],
      [{ orgId: org.id }, { ...context, object: 'totp:2' }],
      [{ orgId: org.id }, { ...context, version: 2 }],
    ] as const) {
      await expect(secretBox.open(scope, bound, sealed)).rejects.toMatchObject({
        code: 'encryption.unreadable',
      });
    }
  });

  it('works for a person whose request may not see keys', async () => {
    const org = await newOrg();
    const scope = { orgs: [org.id], userId: null };
    const sealed = await test.database.asTenant(scope, () =>
      encryption.secretBox.seal({ orgId: org.id }, context, Buffer.from('x')),
    );
    expect(text(await encryption.secretBox.open({ orgId: org.id }, context, sealed))).toBe('x');
    await expect(test.database.asTenant(scope, () => test.database.dataKeys.list(org.id, 1))).rejects.toThrow(
      'permission denied',
    );
  });

  it('takes a new key before one is used too often', async () => {
    const org = await newOrg();
    const { database } = test;
    const keyring = createKeyring({
      dataKeys: database.dataKeys,
      countRows: (id) => database.sealedRows.count(id),
      masterKeys: encryption.masterKeys,
      maxUses: 2048,
    });
    const box = createSecretBox({ keyring });
    const ids = new Set<string>();
    for (let use = 0; use < 3000; use += 1) {
      const sealed = await box.seal({ orgId: org.id }, context, Buffer.from('x'));
      ids.add(sealed.split('.')[1] ?? '');
    }
    expect(ids.size).toBe(2);
    const keys = await keysOf(org.id);
    expect(keys.map(({ state }) => state)).toEqual(['active', 'retiring']);
    expect(Math.max(...keys.map(({ uses }) => uses))).toBeLessThanOrEqual(2048);
  });
});

describe('rotation of a data key', () => {
  it('seals every row again, opens all of them meanwhile, and retires the old key', async () => {
    const org = await newOrg();
    const secrets = [];
    for (let index = 0; index < 450; index += 1) secrets.push(await addSecret(org.id, `value ${index}`));
    const [first] = await keysOf(org.id);
    await encryption.keyring.supersede(org.id);
    expect(await keysOf(org.id)).toMatchObject([
      { state: 'active', version: 2 },
      { state: 'retiring', rowsAtStart: 450 },
    ]);
    expect(await readSecret(neighbour, org.id, secrets[7] ?? { id: '', version: 1 })).toBe('value 7');
    await neighbour.rotateDue();
    expect(await test.database.sealedRows.count(first?.id ?? '')).toBe(0);
    expect((await keysOf(org.id)).map(({ state }) => state)).toEqual(['active', 'retired']);
    for (const [index, secret] of secrets.entries()) {
      expect(await readSecret(encryption, org.id, secret)).toBe(`value ${index}`);
    }
  });

  it('lets what is written meanwhile win', async () => {
    const org = await newOrg();
    const secret = await addSecret(org.id, 'old');
    const key = { object: `secret:${secret.id}`, version: secret.version };
    const before = (await test.database.secrets.sealedValue(org.id, secret.id, 1)) ?? '';
    const written = await encryption.secretBox.seal({ orgId: org.id }, key, Buffer.from('new'));
    const late = await encryption.secretBox.seal({ orgId: org.id }, key, Buffer.from('old'));
    const rowId = await withClient(test.url, async (client) => {
      const { rows } = await client.query(
        'UPDATE secret_versions SET sealed = $1 WHERE secret_id = $2 RETURNING id',
        [written, secret.id],
      );
      return rows[0].id;
    });
    expect(await test.database.sealedRows.replace('secret', rowId, before, late)).toBe(false);
    expect(await readSecret(encryption, org.id, secret)).toBe('new');
  });

  it('leaves a row that does not open, keeps its key, and goes on with the others', async () => {
    const org = await newOrg();
    const [good, bad] = [await addSecret(org.id, 'good'), await addSecret(org.id, 'bad')];
    await withClient(test.url, (client) =>
      client.query('UPDATE secret_versions SET version = 2 WHERE secret_id = $1', [bad.id]),
    );
    await encryption.keyring.supersede(org.id);
    await encryption.rotateDue();
    expect((await keysOf(org.id)).map(({ state }) => state)).toEqual(['active', 'retiring']);
    expect(await readSecret(encryption, org.id, good)).toBe('good');
    await test.database.organizations.find(org.id);
    await withClient(test.url, (client) =>
      client.query('DELETE FROM secret_versions WHERE secret_id = $1', [bad.id]),
    );
    await encryption.rotateDue();
    expect((await keysOf(org.id)).map(({ state }) => state)).toEqual(['active', 'retired']);
  });
});

describe('the body of a configuration', () => {
  const insert = (deviceId: string, version: number, body: unknown): Promise<unknown> =>
    withClient(test.url, (client) =>
      client.query(
        'INSERT INTO device_configurations (device_id, config_version, config_data, is_active) VALUES ($1, $2, $3, $4)',
        [deviceId, version, JSON.stringify(body), version === 2],
      ),
    );

  it('is read as it was written, sealed or plain; the job seals what is plain', async () => {
    const org = await newOrg();
    const device = await test.database.devices.create(org.id, newDevice());
    const { secretBox } = encryption;
    const deps = { database: test.database, secretBox };
    await insert(device.id, 1, { services: ['canary-plain'] });
    const address = { orgId: org.id, deviceId: device.id, version: 2 };
    await insert(device.id, 2, await sealConfiguration(secretBox, address, { services: ['canary-sealed'] }));
    expect(await activeConfiguration(deps, org.id, device.id)).toMatchObject({
      version: 2,
      data: { services: ['canary-sealed'] },
    });
    await encryption.rotateDue();
    const { rows } = await withClient(test.url, (client) =>
      client.query('SELECT config_version, config_data FROM device_configurations WHERE device_id = $1', [
        device.id,
      ]),
    );
    expect(JSON.stringify(rows)).not.toContain('canary');
    await withClient(test.url, async (client) => {
      await client.query('UPDATE device_configurations SET is_active = false WHERE device_id = $1', [
        device.id,
      ]);
      await client.query(
        'UPDATE device_configurations SET is_active = true WHERE device_id = $1 AND config_version = 1',
        [device.id],
      );
    });
    expect((await activeConfiguration(deps, org.id, device.id))?.data).toEqual({
      services: ['canary-plain'],
    });
  });

  it('does not open in the row of another version', async () => {
    const org = await newOrg();
    const device = await test.database.devices.create(org.id, newDevice());
    const address = { orgId: org.id, deviceId: device.id, version: 1 };
    await insert(device.id, 2, await sealConfiguration(encryption.secretBox, address, { a: 1 }));
    await expect(
      activeConfiguration({ database: test.database, secretBox: encryption.secretBox }, org.id, device.id),
    ).rejects.toMatchObject({ code: 'encryption.unreadable' });
  });
});

describe('rotation of the master key', () => {
  it('wraps every data key again, and moves them from the file to Vault and back', async () => {
    const org = await newOrg();
    const secret = await addSecret(org.id, 'moved');
    const settings = { vaultAddr: vault.address, vaultToken: ROOT_TOKEN };
    const inVault = await openTestEncryption(test.database, folder, {
      settings: { ...settings, keyProvider: 'vault' },
    });
    const rotate = async (by: Encryption): Promise<void> => {
      await by.masterKeys.current.rotate();
      const { keysLeft, keysTotal } = await test.database.dataKeys.beginMasterRotation('test');
      expect(keysLeft).toBe(keysTotal);
      await by.rotateDue();
      expect(await test.database.dataKeys.master()).toMatchObject({ keysLeft: 0 });
    };
    await rotate(inVault);
    expect(await keysOf(org.id)).toMatchObject([{ provider: 'vault' }]);
    const fresh = await openTestEncryption(test.database, folder, { settings });
    expect(await readSecret(fresh, org.id, secret)).toBe('moved');
    const without = await openTestEncryption(test.database, folder);
    await expect(readSecret(without, org.id, secret)).rejects.toMatchObject({
      code: 'encryption.unavailable',
    });
    await rotate(fresh);
    expect(await keysOf(org.id)).toMatchObject([{ provider: 'local' }]);
    const again = await openTestEncryption(test.database, folder);
    expect(await readSecret(again, org.id, secret)).toBe('moved');
  });
});

describe('destroying the keys of an organisation', () => {
  it('leaves its rows unreadable for good and those of others as they were', async () => {
    const [org, other] = [await newOrg(), await newOrg()];
    const [gone, kept] = [await addSecret(org.id, 'gone'), await addSecret(other.id, 'kept')];
    expect(await encryption.destroyKeys(org.id)).toBe(1);
    expect(await keysOf(org.id)).toMatchObject([{ state: 'destroyed', wrapped: null }]);
    for (const by of [encryption, await openTestEncryption(test.database, folder)]) {
      await expect(readSecret(by, org.id, gone)).rejects.toMatchObject({ code: 'encryption.destroyed' });
      expect(await readSecret(by, other.id, kept)).toBe('kept');
    }
  });
});
