/** Bundles for integrators open in other tools and only with their password. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { makePkcs12, openAuthority } from '#certs';
import { openOpenssl } from '../../support/openssl.ts';

describe('makePkcs12', () => {
  it('opens in openssl with key, leaf, issuing CA and root, and not with another password', async () => {
    using openssl = openOpenssl();
    const { bundle, privateKeyPem } = await makeBundle('correct horse');
    const file = openssl.put('bundle.p12', bundle);
    const opened = openssl.run('pkcs12', '-in', file, '-info', '-passin', 'pass:correct horse', '-nodes');
    expect(opened.code).toBe(0);
    expect(opened.output.match(/BEGIN CERTIFICATE/g)).toHaveLength(3);
    expect(opened.output).toContain(privateKeyPem.split('\n')[1]);
    expect(opened.output).toContain('friendlyName: acme reports');
    expect(openssl.run('pkcs12', '-in', file, '-info', '-passin', 'pass:wrong', '-nodes').code).not.toBe(0);
  });

  it('serves as client identity of Node’s TLS', async () => {
    const {
      bundle,
      authority,
      server: { keyPem, chainPem },
    } = await makeBundle('pw');
    const server = createServer({ key: keyPem, cert: chainPem, ca: authority.trustPem, requestCert: true });
    const seen = new Promise((resolve, reject) => {
      server.once('tlsClientError', reject);
      server.once('secureConnection', (socket) => {
        resolve(socket.getPeerX509Certificate()?.subject);
        socket.end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const client = connect({
      port,
      host: '127.0.0.1',
      servername: 'localhost',
      pfx: bundle,
      passphrase: 'pw',
      ca: authority.rootPem,
    });
    expect(await seen).toContain('CN=acme/integrations/reports');
    client.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  it.each(['', 'pässword'])('refuses the password %j', async (password) => {
    await expect(makeBundle(password)).rejects.toThrow(RangeError);
  });
});

async function makeBundle(password: string) {
  const dir = await mkdtemp(join(tmpdir(), 'edge-pkcs12-'));
  try {
    const authority = await openAuthority({ dir });
    const { privateKeyPem, chainPem } = authority.issueForNewKey({
      subject: { commonName: 'acme/integrations/reports', organization: 'acme', unit: 'integration' },
      identityUri: 'urn:edge:acme:integrations:reports',
      days: 30,
    });
    const bundle = makePkcs12({
      privateKeyPem,
      chainPem,
      rootPem: authority.rootPem,
      password,
      name: 'acme reports',
    });
    const server = await authority.serverCertificate({ name: 'broker', hosts: ['localhost'] });
    return { bundle, privateKeyPem, authority, server };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
