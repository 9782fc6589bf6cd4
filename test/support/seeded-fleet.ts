/** Devices with live certificates, put straight into the database: for load and for tests behind enrolment. */
import type { Authority } from '#certs';
import { commonNameOf, identityUriOf, organizationNameOf } from '#contract';
import type { Database, Device, Organization } from '#db';
import type { DeviceCredentials } from './device-link.ts';

export interface SeededDevice extends DeviceCredentials {
  readonly orgId: string;
  readonly row: Device;
}

/** An organisation `slug` with `count` devices, whose certificates are `state`. */
export async function seedFleet(deps: {
  database: Database;
  authority: Authority;
  slug: string;
  count: number;
  state?: 'pending' | 'active';
}): Promise<{ organization: Organization; devices: SeededDevice[] }> {
  const { database, authority, slug, count, state = 'active' } = deps;
  const organization =
    (await database.organizations.findBySlug(slug)) ??
    (await database.organizations.create({ slug, name: slug }));
  const devices: SeededDevice[] = [];
  for (let index = 0; index < count; index += 1) {
    const name = `${slug}-device-${index + 1}`;
    const row = await database.devices.create(organization.id, {
      name,
      type: 'gateway',
      hardwareId: `${name}-hardware`,
    });
    devices.push(await addCertificate(database, authority, organization, row, state));
  }
  return { organization, devices };
}

/** One more certificate, with a new key, for a device that exists. */
export async function addCertificate(
  database: Database,
  authority: Authority,
  organization: Organization,
  row: Device,
  state: 'pending' | 'active',
): Promise<SeededDevice> {
  const principal = { kind: 'device', org: organization.slug, device: row.id } as const;
  const issued = authority.issueForNewKey({
    subject: {
      commonName: commonNameOf(principal),
      organization: organizationNameOf(principal),
      unit: 'device',
    },
    identityUri: identityUriOf(principal),
    days: 30,
  });
  const { serial, subject, fingerprintSha256, keyThumbprint, pem, notBefore, notAfter } = issued;
  await database.certificates.add({
    serial,
    orgId: organization.id,
    deviceId: row.id,
    integratorId: null,
    state,
    subject,
    fingerprintSha256,
    keyThumbprint,
    pem,
    notBefore,
    notAfter,
  });
  return {
    org: organization.slug,
    device: row.id,
    serial,
    privateKeyPem: issued.privateKeyPem,
    chainPem: issued.chainPem,
    orgId: organization.id,
    row,
  };
}
