/** Two organisations and what the store tests put into them. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { Certificate, Database, Device, NewDevice, Organization } from '#db';

export interface World {
  readonly database: Database;
  readonly ours: Organization;
  readonly theirs: Organization;
}

export async function makeWorld(database: Database): Promise<World> {
  const make = (name: string) =>
    database.organizations.create({ slug: `${name}-${randomBytes(4).toString('hex')}`, name });
  return { database, ours: await make('ours'), theirs: await make('theirs') };
}

export const newDevice = (changes: Partial<NewDevice> = {}): NewDevice => ({
  name: `device-${randomUUID()}`,
  type: 'gateway',
  hardwareId: randomUUID(),
  ...changes,
});

export const addressOf = ({ orgSlug, id }: Device) => ({ org: orgSlug, device: id });

export const newCertificate = (
  holder: { orgId: string; deviceId?: string; integratorId?: string },
  changes: Partial<Certificate> = {},
): Parameters<Database['certificates']['add']>[0] => ({
  serial: randomBytes(16).toString('hex'),
  orgId: holder.orgId,
  deviceId: holder.deviceId ?? null,
  integratorId: holder.integratorId ?? null,
  state: 'pending',
  subject: 'CN=test',
  fingerprintSha256: randomBytes(32).toString('hex'),
  keyThumbprint: randomBytes(32).toString('hex'),
  pem: 'PEM',
  notBefore: new Date('2026-11-01T00:00:00Z'),
  notAfter: new Date('2027-01-01T00:00:00Z'),
  ...changes,
});
