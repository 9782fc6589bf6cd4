/** readCertificate on certificates that were made to deceive it. */
import { afterAll, describe, expect, it } from 'vitest';
import { CertificateError, readCertificate } from '#certs';
import { openOpenssl } from '../../support/openssl.ts';

const openssl = openOpenssl();
afterAll(() => openssl[Symbol.dispose]());

function selfSigned(subject: string, ...options: string[]): string {
  const args = [
    'req',
    '-x509',
    '-nodes',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-keyout',
    'key.pem',
  ];
  const { output } = openssl.run(...args, '-subj', subject, ...options);
  return /-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----\n/.exec(output)?.[0] ?? output;
}

describe('readCertificate', () => {
  it('reads names literally, whatever they would mean elsewhere', () => {
    const facts = readCertificate(
      selfSigned(
        '/O=a,CN=b/OU=device\\+CN=x/CN=acme, O=other',
        '-addext',
        'subjectAltName=URI:urn:edge:a:b,DNS:x',
      ),
    );
    expect(facts).toMatchObject({
      organization: 'a,CN=b',
      unit: 'device+CN=x',
      commonName: 'acme, O=other',
      identityUris: ['urn:edge:a:b'],
    });
  });

  it('gives every URI, so that a second identity is seen', () => {
    const pem = selfSigned('/CN=x', '-addext', 'subjectAltName=URI:urn:edge:a:b,URI:urn:edge:c:d');
    expect(readCertificate(pem).identityUris).toEqual(['urn:edge:a:b', 'urn:edge:c:d']);
  });

  it('reads a certificate without alternative names', () => {
    expect(readCertificate(selfSigned('/CN=x')).identityUris).toEqual([]);
  });

  it.each([
    ['two common names', '/CN=a/CN=b', /more than one CN/],
    ['two units', '/CN=a/OU=device/OU=service', /more than one OU/],
    ['two organisations', '/O=a/O=b/CN=a', /more than one O/],
    ['no common name', '/O=a', /no CN/],
  ])('refuses %s', (_name, subject, sentence) => {
    expect(() => readCertificate(selfSigned(subject))).toThrow(sentence);
  });

  it('refuses what is no certificate', () => {
    expect(() => readCertificate('hello')).toThrow(CertificateError);
    expect(() => readCertificate(Buffer.from('3003020101', 'hex'))).toThrow(CertificateError);
  });
});
