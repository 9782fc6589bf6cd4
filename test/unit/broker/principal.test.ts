/** identityOf: the names of a certificate must all say the same, whatever CA signed them. */
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Authority, openAuthority } from '#certs';
import { identityOf } from '../../../broker/principal.ts';
import { forgeries } from '../../support/forged-certificates.ts';

const DEVICE = '0c8f6a52-4f0e-4f6f-9d3c-0f8d6a1b2c3d';
let dir: string;
let authority: Authority;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'edge-principal-'));
  authority = await openAuthority({ dir });
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const issue = (commonName: string, organization: string, unit: string, identityUri: string) =>
  new X509Certificate(
    authority.issueForNewKey({ subject: { commonName, organization, unit }, identityUri, days: 1 }).pem,
  );

describe('identityOf', () => {
  it.each([
    ['device', `acme/${DEVICE}`, 'acme', `urn:edge:acme:${DEVICE}`],
    ['integration', 'acme/integrations/reports', 'acme', 'urn:edge:acme:integrations:reports'],
    ['service', 'service/control-plane', 'service', 'urn:edge:service:control-plane'],
  ])('reads a %s', (kind, commonName, organization, uri) => {
    expect(identityOf(issue(commonName, organization, kind, uri))).toMatchObject({
      clientId: commonName,
      principal: { kind },
    });
  });

  it.each([
    [
      'a common name of another device',
      `acme/${DEVICE.replace('0', '1')}`,
      'acme',
      'device',
      `urn:edge:acme:${DEVICE}`,
    ],
    ['a common name of another organisation', `other/${DEVICE}`, 'acme', 'device', `urn:edge:acme:${DEVICE}`],
    ['another organisation', `acme/${DEVICE}`, 'other', 'device', `urn:edge:acme:${DEVICE}`],
    ['another kind', `acme/${DEVICE}`, 'acme', 'service', `urn:edge:acme:${DEVICE}`],
    [
      'a device named as a service',
      'service/control-plane',
      'acme',
      'device',
      'urn:edge:service:control-plane',
    ],
    ['a URI of no kind', `acme/${DEVICE}`, 'acme', 'device', `urn:edge:acme:${DEVICE}:x`],
    ['a URI of something else', `acme/${DEVICE}`, 'acme', 'device', 'https://example.org'],
    ['a common name with a wildcard', 'acme/+', 'acme', 'device', 'urn:edge:acme:+'],
    ['a common name with U+0000', `acme/${DEVICE}\0x`, 'acme', 'device', `urn:edge:acme:${DEVICE}`],
  ])('refuses %s', (_name, commonName, organization, unit, uri) => {
    expect(identityOf(issue(commonName, organization, unit, uri))).toBeNull();
  });

  it('refuses an authority’s flag though the key may not sign, which Node’s own `ca` does not show', () => {
    const signer = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const principal = { kind: 'device', org: 'acme', device: DEVICE } as const;
    const issuing = { pem: authority.rootPem, privateKey: signer.privateKey };
    const flagged = forgeries({
      principal,
      root: issuing,
      issuing,
      serial: '41'.repeat(16),
      stolenLeaf: issuing,
    }).find(({ name }) => name === 'device: CA flag');
    const certificate = new X509Certificate(flagged?.chainPem ?? '');
    expect(certificate.ca).toBe(false);
    expect(identityOf(certificate)).toBeNull();
  });

  it('refuses a CA and a server', async () => {
    const { chainPem } = await authority.serverCertificate({ name: 'broker', hosts: ['localhost'] });
    expect(identityOf(new X509Certificate(chainPem))).toBeNull();
    expect(identityOf(new X509Certificate(authority.trustPem))).toBeNull();
    expect(identityOf(new X509Certificate(authority.rootPem))).toBeNull();
  });
});
