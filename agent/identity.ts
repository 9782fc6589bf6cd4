/** Who this device is: what the enrolment answered, and the keys to prove it. Every file of the state folder is named here. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { type Static, Type } from 'typebox';
import { type DeviceAddress, parseCommonName } from '#contract';
import { AgentError } from './errors.ts';
import type { StateFolder } from './state.ts';

export const STATE_FILES = {
  enrollmentKey: 'enrollment-key.pem',
  enrollment: 'enrollment.json',
  identity: 'identity.json',
  credentials: 'credentials.json',
  session: 'session.json',
  token: 'token.json',
  hardwareId: 'hardware_id',
  deviceId: 'device_id',
  outbox: 'outbox.sqlite',
  telemetry: 'telemetry-settings.json',
  status: 'status.json',
  trust: 'trust.json',
} as const;

const Text = Type.String({ minLength: 1 });

export const Identity = Type.Object({
  device_id: Text,
  device_name: Text,
  organization_slug: Text,
  client_id: Text,
  mqtt_url: Text,
  cloud_url: Text,
  ca_certificate: Type.String({ description: 'PEM; what the broker’s certificate must chain to.' }),
  https_ca: Type.Union([Text, Type.Null()], {
    description: 'PEM that the enrolment was told to trust; null = the system’s store.',
  }),
  firmware_version: Text,
  heartbeat_interval_seconds: Type.Integer({ minimum: 1 }),
});
export type Identity = Static<typeof Identity>;

/** @throws AgentError `not_enrolled`, `state` */
export async function readIdentity(folder: StateFolder): Promise<Identity> {
  const identity = await folder.readJson(STATE_FILES.identity, Identity);
  if (identity === null) {
    throw new AgentError(
      'not_enrolled',
      `No device is enrolled in ${folder.dir}; run \`edge-agent enroll --token … --cloud-url …\` first`,
    );
  }
  return identity;
}

/** @throws AgentError `state` when the client id is no device's common name. */
export function addressOf(identity: Identity): DeviceAddress {
  const principal = parseCommonName(identity.client_id);
  if (principal?.kind !== 'device') {
    throw new AgentError('state', `identity.json names no device: ${identity.client_id}`);
  }
  return { org: principal.org, device: principal.device };
}

/** A key and the chain that certifies it, leaf first. */
export interface Pair {
  readonly private_key: string;
  readonly certificate_chain: string;
}

export interface PairFacts {
  /** Lower hex, as in `certificate_serial`. */
  readonly serial: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** Facts of the leaf. @throws Error when the PEM cannot be read. */
export function factsOf(pair: Pair): PairFacts {
  const leaf = new X509Certificate(pair.certificate_chain);
  return {
    serial: leaf.serialNumber.toLowerCase(),
    notBefore: leaf.validFromDate,
    notAfter: leaf.validToDate,
  };
}

/** Why the pair cannot be used by this client, or null. Guards against a mixed-up or foreign reply. */
export function faultOfPair(pair: Pair, clientId: string): string | null {
  try {
    const leaf = new X509Certificate(pair.certificate_chain);
    if (!leaf.checkPrivateKey(createPrivateKey(pair.private_key)))
      return 'the certificate is for another key';
    const commonName = /^CN=(.*)$/m.exec(leaf.subject)?.[1];
    return commonName === clientId ? null : 'the certificate is for another device';
  } catch {
    return 'the certificate cannot be read';
  }
}
