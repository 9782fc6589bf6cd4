/** Addresses that a user may and may not have us call, by their text alone. */
import { describe, expect, it } from 'vitest';
import { isPublicAddress, parseNetwork } from '../../../../control-plane/outbound/address.ts';
import { OutboundError } from '../../../../control-plane/outbound/outbound-error.ts';
import { checkOutboundUrl, PUBLIC_HTTPS } from '../../../../control-plane/outbound/outbound-url.ts';

const ANY_SCHEME = { ...PUBLIC_HTTPS, schemes: ['https', 'http'] as const, ports: [80, 443, 8443] };
const hosts = (code: string, ...names: string[]): [string, string][] =>
  names.map((name) => [`https://${name}/`, code]);
const urls = (code: string, ...texts: string[]): [string, string][] => texts.map((text) => [text, code]);

/** Address → why it is refused, also where http were allowed. */
const REFUSED_URLS: readonly [string, string][] = [
  ...hosts(
    'address_refused',
    // This machine, private and shared networks, link-local, metadata.
    ...['127.0.0.1', '127.1.2.3', '127.255.255.254', '0.0.0.0', '0.1.2.3', '10.0.0.1', '10.255.255.255'],
    ...['172.16.0.1', '172.31.255.255', '192.168.0.1', '192.168.255.255', '100.64.0.1', '100.127.255.255'],
    ...['169.254.169.254', '169.254.0.1', '100.100.100.200', '168.63.129.16', '192.0.0.192', '192.0.0.1'],
    // Multicast, broadcast, documentation, benchmarking, reserved, relays.
    ...['224.0.0.1', '239.255.255.255', '255.255.255.255', '192.0.2.1', '198.51.100.1', '203.0.113.1'],
    ...['198.18.0.1', '198.19.255.255', '240.0.0.1', '250.1.1.1', '192.88.99.1'],
    // IPv6: loopback, unspecified, link-local, unique local, site-local, multicast, documentation.
    ...[
      '[::1]',
      '[::]',
      '[0:0:0:0:0:0:0:1]',
      '[fe80::1]',
      '[febf::1]',
      '[fc00::1]',
      '[fdff::1]',
      '[fec0::1]',
    ],
    ...['[fd00:ec2::254]', '[ff02::1]', '[ff0e::1]', '[2001:db8::1]', '[100::1]', '[3fff::1]', '[5f00::1]'],
    // IPv4 inside of IPv6: mapped, compatible, translated, NAT64, 6to4, Teredo, ISATAP.
    ...[
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      '[::ffff:10.0.0.1]',
      '[::ffff:169.254.169.254]',
      '[::ffff:8.8.8.8]',
    ],
    ...['[::127.0.0.1]', '[::7f00:1]', '[::10.0.0.1]', '[::ffff:0:127.0.0.1]', '[64:ff9b::127.0.0.1]'],
    ...[
      '[64:ff9b::a9fe:a9fe]',
      '[64:ff9b:1::a00:1]',
      '[2002:7f00:1::]',
      '[2002:a9fe:a9fe::1]',
      '[2002:0a00:0001::]',
    ],
    ...[
      '[2001:0:7f00:1::]',
      '[2001:0000:4136:e378:8000:63bf:3fff:fdd2]',
      '[2a00::5efe:127.0.0.1]',
      '[2a00::200:5efe:a00:1]',
    ],
  ),
  ...hosts(
    'host_refused',
    // One number, octal, hexadecimal, short forms: of inside and of outside addresses.
    ...['2130706433', '0x7f000001', '017700000001', '0x7f.0.0.1', '0177.0.0.1', '0x7f.1', '127.1', '127.0.1'],
    ...[
      '0',
      '0x0',
      '00',
      '0x7f.0x0.0x0.0x1',
      '0177.0000.0000.0001',
      '2852039166',
      '0xa9fea9fe',
      '3232235521',
    ],
    ...['010.0.0.1', '10.1', '167772161', '0xA000001', '134744072', '0x08080808', '8.8.2056', '127.0.0.1.'],
    ...['%31%32%37.0.0.1', '127.0.0.%31', '%6cocalhost', '127%2e0%2e0%2e1'],
    // Names that mean the inside.
    ...['localhost', 'LOCALHOST', 'localhost.', 'a.localhost', 'localhost.localdomain', 'router', 'intranet'],
    ...[
      'metadata.google.internal',
      'metadata',
      'kubernetes.default.svc.cluster.local',
      'printer.local',
      'nas.lan',
    ],
    ...['db.internal', 'service.corp', '1.0.0.127.in-addr.arpa', 'x.home.arpa', 'hidden.onion', 'a.invalid'],
    ...[
      'ip6-localhost',
      'host_',
      'a..example.com',
      '-a.example.com',
      'example.c',
      `${'a'.repeat(64)}.example.com`,
    ],
  ),
  ...urls(
    'url_invalid',
    ...[
      '',
      'example.com',
      '//example.com',
      'https:example.com',
      'https:/example.com',
      'https:///example.com',
    ],
    ...[
      'https://',
      'https://?',
      'https://:443/',
      'https://user@example.com/',
      'https://user:pass@example.com/',
    ],
    ...['https://@127.0.0.1/', 'https://example.com@127.0.0.1/', 'https://127.0.0.1@example.com/'],
    ...['https://example.com:80:443/', 'https://example.com:port/', 'https://[::1/', 'https://[::1%25lo]/'],
    ...['https://example.com\\@127.0.0.1/', 'https:\\\\127.0.0.1\\', 'https://example.com\\.evil/'],
    ...[' https://example.com/', 'https://exam ple.com/', 'https://example.com/\n', 'ht\ttps://127.0.0.1/'],
    ...[
      'https://exa\u0000mple.com/',
      'https://１２７.０.０.１/',
      'https://①②⑦.0.0.1/',
      'https://127。0。0。1/',
    ],
    ...[
      'https://ⓛocalhost/',
      'https://exämple.com/',
      `https://example.com/${'a'.repeat(2048)}`,
      'https://256.1.1.1/',
    ],
  ),
  ...urls(
    'scheme_refused',
    ...[
      'file:///etc/passwd',
      'ftp://example.com/',
      'gopher://127.0.0.1:6379/',
      'ldap://example.com/',
      'ws://example.com/',
    ],
    ...[
      'dict://127.0.0.1:11211/',
      'data://text/plain',
      'javascript://alert/',
      'jar://example.com/',
      'unix:///var/run/docker.sock',
    ],
  ).map(([text, code]): [string, string] => [text, /:\/\/\//.test(text) ? 'url_invalid' : code]),
  ...urls(
    'port_refused',
    ...[
      'https://example.com:22/',
      'https://example.com:25/',
      'https://example.com:6379/',
      'https://example.com:0/',
    ],
    ...[
      'https://example.com:65535/',
      'http://example.com:8080/',
      'https://8.8.8.8:53/',
      'https://example.com:5432/',
    ],
  ),
];

describe('checkOutboundUrl', () => {
  it('is tried on a corpus worth the name', () => {
    expect(new Set(REFUSED_URLS.map(([text]) => text)).size).toBeGreaterThanOrEqual(120);
  });

  it.each(REFUSED_URLS)('refuses %j: %s', (text, code) => {
    let error: unknown;
    try {
      checkOutboundUrl(text, ANY_SCHEME);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(OutboundError);
    expect(error).toMatchObject({ code });
  });

  it.each([
    ['https://example.com', 'https://example.com/'],
    [
      'https://hooks.example.co.uk/services/T0/B0?x=1#frag',
      'https://hooks.example.co.uk/services/T0/B0?x=1#frag',
    ],
    ['HTTPS://example.com:443/', 'https://example.com/'],
    ['https://example.com:8443/a/../b', 'https://example.com:8443/b'],
    ['https://xn--exmple-cua.com/', 'https://xn--exmple-cua.com/'],
    ['https://8.8.8.8/', 'https://8.8.8.8/'],
    ['https://[2606:4700:4700::1111]/', 'https://[2606:4700:4700::1111]/'],
    ['https://a_b.example.com/', 'https://a_b.example.com/'],
    ['https://1.1.1.1:443/x@y', 'https://1.1.1.1/x@y'],
  ])('lets %s pass', (text, href) => {
    expect(checkOutboundUrl(text).href).toBe(href);
  });

  it('refuses http where only https is meant', () => {
    expect(() => checkOutboundUrl('http://example.com/')).toThrow('must begin with https://');
  });

  it('says nothing of path or query, which may hold a secret', () => {
    for (const [text] of REFUSED_URLS) {
      try {
        checkOutboundUrl(`${text}c4n4ry?c4n4ry`);
      } catch (error) {
        expect(String(error)).not.toContain('c4n4ry');
      }
    }
  });
});

describe('isPublicAddress', () => {
  it('opens what an installation allows, and nothing beside it', () => {
    const allowed = [parseNetwork('10.1.2.0/24'), parseNetwork('fd00::1')];
    expect(isPublicAddress('10.1.2.3', allowed)).toBe(true);
    expect(isPublicAddress('10.1.3.3', allowed)).toBe(false);
    expect(isPublicAddress('fd00::1', allowed)).toBe(true);
    expect(isPublicAddress('fd00::2', allowed)).toBe(false);
    expect(isPublicAddress('::ffff:10.1.2.3', allowed)).toBe(false);
  });

  it('refuses what is no address, and addresses with a zone', () => {
    for (const text of ['', 'example.com', '1.2.3', 'fe80::1%eth0', '2606:4700::1%1']) {
      expect(isPublicAddress(text)).toBe(false);
    }
  });

  it('names a network that is none', () => {
    expect(() => parseNetwork('10.0.0.0/33')).toThrow('10.0.0.0/33 is no network');
    expect(() => parseNetwork('inside')).toThrow('inside is no network');
  });
});
