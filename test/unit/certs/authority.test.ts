/** The authority: what it signs is accepted by OpenSSL in strict mode, and its folder never holds half of anything. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AuthorityError, createCsr, createKeyPair, openAuthority, parseCsr, readCertificate } from '#certs';
import { openOpenssl } from '../../support/openssl.ts';
import { X509Crl } from '../../support/second-x509.ts';

const DEVICE = '0c8f6a52-4f0e-4f6f-9d3c-0f8d6a1b2c3d';
const DAY_MS = 86_400_000;
const SUBJECT = { commonName: `acme/${DEVICE}`, organization: 'acme', unit: 'device' };
const IDENTITY_URI = `urn:edge:acme:${DEVICE}`;
const START = new Date('2026-11-23T06:00:00Z');

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'edge-authority-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const newCsr = () => createCsr(createKeyPair().privateKeyPem);
const issueFrom = async (days = 60) =>
  (await openAuthority({ dir })).issue({
    csrPem: newCsr(),
    subject: SUBJECT,
    identityUri: IDENTITY_URI,
    days,
  });

describe('openAuthority', () => {
  it('makes a private folder with private files on first use', async () => {
    await openAuthority({ dir });
    expect((await stat(dir)).mode & 0o777).toBe(0o700);
    const names = await readdir(join(dir, 'ca'));
    expect(names.sort()).toEqual(['issuing.key', 'issuing.pem', 'root.key', 'root.pem']);
    for (const name of names) expect((await stat(join(dir, 'ca', name))).mode & 0o777).toBe(0o600);
  });

  it('is the same authority when opened again', async () => {
    const first = await openAuthority({ dir });
    expect((await openAuthority({ dir })).trustPem).toBe(first.trustPem);
  });

  it('gives twenty openers at once one authority and leaves no drafts behind', async () => {
    const opened = await Promise.all(Array.from({ length: 20 }, () => openAuthority({ dir })));
    expect(new Set(opened.map(({ trustPem }) => trustPem)).size).toBe(1);
    expect(await readdir(dir)).toEqual(['ca']);
  });

  it('encrypts its keys with the passphrase, and opens only with it', async () => {
    const first = await openAuthority({ dir, passphrase: 'open sesame' });
    expect(await readFile(join(dir, 'ca', 'issuing.key'), 'utf8')).toContain('ENCRYPTED PRIVATE KEY');
    expect((await openAuthority({ dir, passphrase: 'open sesame' })).rootPem).toBe(first.rootPem);
    await expect(openAuthority({ dir, passphrase: 'wrong' })).rejects.toThrow(/passphrase does not open/);
    await expect(openAuthority({ dir })).rejects.toThrow(/is encrypted: give the passphrase/);
  });

  it('encrypts keys that were written without a passphrase once there is one', async () => {
    const first = await openAuthority({ dir });
    const second = await openAuthority({ dir, passphrase: 'later' });
    expect(second.trustPem).toBe(first.trustPem);
    expect(await readFile(join(dir, 'ca', 'root.key'), 'utf8')).toContain('ENCRYPTED PRIVATE KEY');
  });

  it.each(['root.key', 'root.pem', 'issuing.key', 'issuing.pem'])(
    'says in one sentence that %s is missing, and makes nothing in its place',
    async (name) => {
      await openAuthority({ dir });
      await unlink(join(dir, 'ca', name));
      const failure = openAuthority({ dir });
      await expect(failure).rejects.toBeInstanceOf(AuthorityError);
      await expect(failure).rejects.toThrow(
        new RegExp(`^The certificate authority in .* lacks ${name}: .*\\.$`),
      );
    },
  );

  it.each([
    ['root.key', /is damaged/],
    ['issuing.pem', /is damaged/],
  ])('says in one sentence that %s is damaged', async (name, sentence) => {
    await openAuthority({ dir });
    await writeFile(join(dir, 'ca', name), '-----BEGIN NOTHING-----\n');
    await expect(openAuthority({ dir })).rejects.toThrow(sentence);
  });

  it('refuses a key that belongs to another certificate', async () => {
    await openAuthority({ dir });
    const other = createKeyPair().privateKeyPem;
    await writeFile(join(dir, 'ca', 'issuing.key'), other);
    await expect(openAuthority({ dir })).rejects.toThrow(/is not the key of issuing.pem/);
  });

  it('renews its issuing CA at two thirds of its life, and old certificates still chain to it', async () => {
    using openssl = openOpenssl();
    const csrPem = newCsr();
    const first = await openAuthority({ dir, now: () => START });
    const late = new Date(START.getTime() + 1300 * DAY_MS);
    const leaf = first.issue({ csrPem, subject: SUBJECT, identityUri: IDENTITY_URI, days: 1800 });
    const second = await openAuthority({ dir, now: () => late });
    expect(second.trustPem).not.toBe(first.trustPem);
    expect(second.rootPem).toBe(first.rootPem);
    const trust = openssl.put('trust.pem', second.trustPem);
    const seconds = String(Math.floor(late.getTime() / 1000));
    const args = ['verify', '-x509_strict', '-purpose', 'sslclient', '-attime', seconds, '-CAfile', trust];
    expect(openssl.run(...args, openssl.put('leaf.pem', leaf.pem)).output).toContain('OK');
  });
});

describe('issue', () => {
  it('signs what OpenSSL accepts in strict mode for a client, and for nothing else', async () => {
    using openssl = openOpenssl();
    const authority = await openAuthority({ dir });
    const leaf = openssl.put('leaf.pem', (await issueFrom()).pem);
    const trust = openssl.put('trust.pem', authority.trustPem);
    const verify = (purpose: string) =>
      openssl.run('verify', '-x509_strict', '-purpose', purpose, '-CAfile', trust, leaf);
    expect(verify('sslclient')).toMatchObject({ code: 0 });
    expect(verify('sslserver').code).not.toBe(0);
  });

  it('gives the chain leaf first without the root, and the facts of the leaf', async () => {
    const issued = await issueFrom();
    const facts = readCertificate(issued.pem);
    expect(issued.chainPem.startsWith(issued.pem)).toBe(true);
    expect(issued.chainPem.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(issued.subject).toBe(`O=acme, OU=device, CN=acme/${DEVICE}`);
    expect(facts).toMatchObject({
      serial: issued.serial,
      commonName: `acme/${DEVICE}`,
      organization: 'acme',
      unit: 'device',
      identityUris: [IDENTITY_URI],
      fingerprintSha256: issued.fingerprintSha256,
      keyThumbprint: issued.keyThumbprint,
    });
    expect(issued.serial).toMatch(/^[4-7][0-9a-f]{31}$/);
    expect(new X509Certificate(issued.pem).serialNumber.toLowerCase()).toBe(issued.serial);
  });

  it('carries the key of the request and nothing else of it', async () => {
    using openssl = openOpenssl();
    const config = openssl.put(
      'greedy.cnf',
      '[req]\ndistinguished_name=dn\nreq_extensions=ext\nprompt=no\n[dn]\nCN=service/control-plane\nO=service\n' +
        '[ext]\nbasicConstraints=critical,CA:TRUE\nsubjectAltName=URI:urn:edge:service:control-plane\nextendedKeyUsage=serverAuth\n',
    );
    const made = openssl.run(
      'req',
      '-new',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      'k.pem',
      '-config',
      config,
    );
    const csrPem = made.output.slice(made.output.indexOf('-----BEGIN CERTIFICATE REQUEST'));
    const csr = csrPem.slice(0, csrPem.indexOf('END CERTIFICATE REQUEST-----') + 28);
    const authority = await openAuthority({ dir });
    const issued = authority.issue({ csrPem: csr, subject: SUBJECT, identityUri: IDENTITY_URI, days: 1 });
    const certificate = new X509Certificate(issued.pem);
    expect(certificate.ca).toBe(false);
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(certificate.subjectAltName).toBe(`URI:${IDENTITY_URI}`);
    expect(issued.keyThumbprint).toBe(parseCsr(csr).keyThumbprint);
    expect(issued.pem).not.toContain('control-plane');
    expect(certificate.subject).not.toContain('control-plane');
  });

  it('ends no later than the issuing CA', async () => {
    const issued = await issueFrom(100_000);
    const authority = await openAuthority({ dir });
    const issuing = new X509Certificate(authority.trustPem);
    expect(issued.notAfter).toEqual(new Date(issuing.validTo));
  });

  it('refuses a common name that X.520 does not allow', async () => {
    const authority = await openAuthority({ dir });
    const subject = { ...SUBJECT, commonName: 'x'.repeat(65) };
    expect(() => authority.issue({ csrPem: newCsr(), subject, identityUri: IDENTITY_URI, days: 1 })).toThrow(
      RangeError,
    );
  });

  it('adds the DNS name that dot brokers read', async () => {
    const authority = await openAuthority({ dir });
    const issued = authority.issueForNewKey({
      subject: SUBJECT,
      identityUri: IDENTITY_URI,
      dnsName: `acme.${DEVICE}`,
      days: 1,
    });
    expect(new X509Certificate(issued.pem).subjectAltName).toBe(`URI:${IDENTITY_URI}, DNS:acme.${DEVICE}`);
    expect(new X509Certificate(issued.pem).checkPrivateKey(createPrivateKey(issued.privateKeyPem))).toBe(
      true,
    );
  });
});

describe('serverCertificate', () => {
  const hosts = ['localhost', '127.0.0.1', '::1', 'fe80::1:2', 'edge.example'];

  it('names every host, v4 and v6, so that OpenSSL and Node find each', async () => {
    using openssl = openOpenssl();
    const authority = await openAuthority({ dir });
    const { chainPem } = await authority.serverCertificate({ name: 'broker', hosts });
    const certificate = new X509Certificate(chainPem);
    expect(certificate.checkHost('edge.example')).toBe('edge.example');
    for (const address of ['127.0.0.1', '::1', 'fe80::1:2'])
      expect(certificate.checkIP(address)).toBe(address);
    const chain = openssl.put('chain.pem', chainPem);
    const root = openssl.put('root.pem', authority.rootPem);
    const args = [
      'verify',
      '-x509_strict',
      '-purpose',
      'sslserver',
      '-untrusted',
      chain,
      '-CAfile',
      root,
      chain,
    ];
    expect(openssl.run(...args)).toMatchObject({ code: 0 });
  });

  it('stays the same until it is worn or the hosts change, and keeps its key for ever', async () => {
    const first = await (await openAuthority({ dir, now: () => START })).serverCertificate({
      name: 'broker',
      hosts,
    });
    const again = await (await openAuthority({ dir, now: () => START })).serverCertificate({
      name: 'broker',
      hosts,
    });
    expect(again).toEqual(first);
    const worn = new Date(START.getTime() + 280 * DAY_MS);
    const renewed = await (await openAuthority({ dir, now: () => worn })).serverCertificate({
      name: 'broker',
      hosts,
    });
    expect(renewed.chainPem).not.toBe(first.chainPem);
    const moved = await (await openAuthority({ dir, now: () => START })).serverCertificate({
      name: 'broker',
      hosts: ['other.example'],
    });
    expect(new X509Certificate(moved.chainPem).subjectAltName).toBe('DNS:other.example');
    expect([renewed.keyPem, moved.keyPem, renewed.pin]).toEqual([first.keyPem, first.keyPem, first.pin]);
    expect(first.pin).toMatch(/^sha256\/\/[A-Za-z0-9+/]{43}=$/);
  });

  it('gives two processes at once the same key', async () => {
    const authority = await openAuthority({ dir });
    const made = await Promise.all(
      Array.from({ length: 10 }, () => authority.serverCertificate({ name: 'broker', hosts })),
    );
    expect(new Set(made.map(({ keyPem }) => keyPem)).size).toBe(1);
  });

  it('refuses names that would leave the folder', async () => {
    const authority = await openAuthority({ dir });
    await expect(authority.serverCertificate({ name: '../../etc', hosts })).rejects.toThrow(RangeError);
  });
});

describe('serviceCertificate', () => {
  it('is a client certificate with the subject of a service', async () => {
    const authority = await openAuthority({ dir });
    const { chainPem, keyPem } = await authority.serviceCertificate('control-plane');
    expect(readCertificate(chainPem)).toMatchObject({
      commonName: 'service/control-plane',
      organization: 'service',
      unit: 'service',
      identityUris: ['urn:edge:service:control-plane'],
    });
    expect(new X509Certificate(chainPem).checkPrivateKey(createPrivateKey(keyPem))).toBe(true);
    expect(await authority.serviceCertificate('control-plane')).toEqual({ chainPem, keyPem });
  });
});

describe('crl', () => {
  it('makes OpenSSL refuse the revoked certificate and no other', async () => {
    using openssl = openOpenssl();
    const authority = await openAuthority({ dir });
    const [bad, good] = [await issueFrom(), await issueFrom()];
    const crl = authority.crl([{ serial: bad.serial, revokedAt: new Date() }]);
    const trust = openssl.put('trust.pem', authority.trustPem + crl);
    const verify = (pem: string) =>
      openssl.run('verify', '-crl_check', '-CAfile', trust, openssl.put('c.pem', pem));
    expect(verify(good.pem)).toMatchObject({ code: 0 });
    expect(verify(bad.pem).output).toContain('certificate revoked');
  });

  it('is read by a second library with the same serials, and may be empty', async () => {
    const authority = await openAuthority({ dir, now: () => START });
    const revoked = ['00ff', '7f'.repeat(16), 'ab'.repeat(16)].map((serial) => ({
      serial,
      revokedAt: START,
    }));
    const list = new X509Crl(authority.crl(revoked));
    expect(list.entries.map(({ serialNumber }) => serialNumber.replace(/^0+/, ''))).toEqual(
      revoked.map(({ serial }) => serial.replace(/^0+/, '')),
    );
    expect(list.nextUpdate?.getTime()).toBe(START.getTime() + 30 * DAY_MS);
    expect(new X509Crl(authority.crl([])).entries).toHaveLength(0);
  });
});
