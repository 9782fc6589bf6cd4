/** Certificates that must not open the broker, and one that tries to be somebody else. */
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKeyPair, openAuthority } from '#certs';
import { commonNameOf, identityUriOf, organizationNameOf } from '#contract';
import {
  buildCertificate,
  keyIdentifierOf,
  nameOf,
  nameOfCertificate,
  type Profile,
} from '../../../certs/certificate.ts';
import { device, service, startTestBroker, type TestBroker } from '../../support/broker.ts';
import { tlsRefusal } from '../../support/raw-mqtt-client.ts';
import { replayTickets } from '../../support/ticket-replay.ts';

const DAY_MS = 86_400_000;
const principal = device('acme', '0c8f6a52-4f0e-4f6f-9d3c-0f8d6a1b2c3d');
const names = {
  commonName: commonNameOf(principal),
  organization: organizationNameOf(principal),
  unit: 'device',
};
const clientProfile: Profile = { use: 'client', uri: identityUriOf(principal), dnsName: null };

let test: TestBroker;
let otherDir: string;
beforeAll(async () => {
  test = await startTestBroker();
  otherDir = await mkdtemp(join(tmpdir(), 'edge-foreign-'));
});
afterAll(async () => {
  await test.stop();
  await rm(otherDir, { recursive: true, force: true });
});

/** A certificate that says all the right names, signed by a device's own key as if it were a CA. */
function forged(options: {
  signer?: { privateKeyPem: string; certificatePem: string };
  profile?: Profile;
  fromDays?: number;
  toDays?: number;
}): { key: string; cert: string } {
  const own = createKeyPair();
  const subject = nameOf(names);
  const signerKey = options.signer?.privateKeyPem ?? own.privateKeyPem;
  const privateKey = createPrivateKey(signerKey);
  const pem = buildCertificate({
    issuer: {
      privateKey,
      name:
        options.signer === undefined
          ? subject
          : nameOfCertificate(new X509Certificate(options.signer.certificatePem).raw),
      keyIdentifier: keyIdentifierOf(createPublicKey(privateKey)),
    },
    subject,
    publicKey: createPublicKey(own.publicKeyPem),
    notBefore: new Date(Date.now() + (options.fromDays ?? -1) * DAY_MS),
    notAfter: new Date(Date.now() + (options.toDays ?? 1) * DAY_MS),
    profile: options.profile ?? clientProfile,
  });
  return { key: own.privateKeyPem, cert: pem + (options.signer?.certificatePem ?? '') };
}

const refusalOf = (identity: Partial<ConnectionOptions>): Promise<string | null> =>
  tlsRefusal(
    { ...test.keysFor(principal).tls, key: undefined, cert: undefined, ...identity },
    names.commonName,
  );

describe('the broker', () => {
  it('lets the real certificate in, so that the refusals below mean something', async () => {
    const { key, cert } = test.keysFor(principal).tls;
    expect(await refusalOf({ key, cert })).toBeNull();
  });

  it('refuses no certificate at all', async () => {
    expect(await refusalOf({})).not.toBeNull();
  });

  it('refuses a certificate of another installation, with all the right names', async () => {
    const other = await openAuthority({ dir: otherDir });
    const issued = other.issueForNewKey({ subject: names, identityUri: identityUriOf(principal), days: 1 });
    expect(await refusalOf({ key: issued.privateKeyPem, cert: issued.chainPem })).not.toBeNull();
  });

  it('refuses a self-signed one', async () => {
    expect(await refusalOf(forged({}))).not.toBeNull();
  });

  it('refuses one that was signed by a device’s own certificate', async () => {
    const leaf = test.keysFor(device('acme')).tls;
    const signer = { privateKeyPem: leaf.key, certificatePem: leaf.cert };
    expect(await refusalOf(forged({ signer }))).not.toBeNull();
  });

  describe('with certificates that its own CA has signed', () => {
    const issuedAt = async (days: number, shiftDays: number) => {
      const authority = await openAuthority({
        dir: test.dir,
        now: () => new Date(Date.now() + shiftDays * DAY_MS),
      });
      const issued = authority.issueForNewKey({
        subject: names,
        identityUri: identityUriOf(principal),
        days,
      });
      return { key: issued.privateKeyPem, cert: issued.chainPem };
    };

    it('refuses an expired one', async () => {
      expect(await refusalOf(await issuedAt(1, -2))).not.toBeNull();
    });

    it('refuses one that is not yet valid', async () => {
      expect(await refusalOf(await issuedAt(30, 2))).not.toBeNull();
    });

    it('refuses a server’s certificate', async () => {
      const { keyPem, chainPem } = await test.authority.serverCertificate({
        name: 'other',
        hosts: ['localhost'],
      });
      expect(await refusalOf({ key: keyPem, cert: chainPem })).not.toBeNull();
    });

    it('refuses the CA itself as a client', async () => {
      const key = await readFile(join(test.dir, 'ca', 'issuing.key'), 'utf8');
      expect(await refusalOf({ key, cert: test.authority.trustPem })).not.toBeNull();
    });

    it.each([
      [
        'whose common name is another device',
        { ...names, commonName: 'acme/11111111-4f0e-4f6f-9d3c-0f8d6a1b2c3d' },
      ],
      ['whose organisation is another', { ...names, organization: 'other' }],
      ['whose unit is a service', { ...names, unit: 'service' }],
    ])('refuses one %s', async (_name, subject) => {
      const issued = test.authority.issueForNewKey({
        subject,
        identityUri: identityUriOf(principal),
        days: 1,
      });
      expect(await refusalOf({ key: issued.privateKeyPem, cert: issued.chainPem })).not.toBeNull();
      expect(test.broker.metrics().refusals['identity.unknown']).toBeGreaterThan(0);
    });
  });

  it('refuses TLS 1.2', async () => {
    const { key, cert } = test.keysFor(principal).tls;
    expect(await refusalOf({ key, cert, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' })).not.toBeNull();
  });

  it.each([
    ['another device of the organisation', 'acme/11111111-4f0e-4f6f-9d3c-0f8d6a1b2c3d'],
    ['the control plane', 'service/control-plane'],
    ['a wildcard', '#'],
    ['nothing', ''],
    ['a prototype', '__proto__'],
    ['its name with a suffix', `${names.commonName}#2`],
  ])('refuses the client id of %s, and leaves its holder alone', async (_name, clientId) => {
    const victim = await test.connect(test.keysFor(service('victim')));
    const client = await test.open(test.keysFor(device('acme')));
    expect(await client.connect({ clientId })).toBe(2);
    expect([await victim.ping(), await test.controlPlane.ping()]).toEqual(['alive', 'alive']);
    victim.destroy();
  });
});

describe('session resumption', () => {
  it('does not happen, with the sessions of Node and with the ticket of openssl', async () => {
    const replay = await replayTickets(test, test.keysFor(principal), 2);
    expect(replay.resumed).toBe(0);
    expect(replay.attempts).toBeGreaterThan(2);
  });
});
