/** Which addresses a user may have us call: judged by the text alone, before any name is resolved. Pure. */
import ipaddr from 'ipaddr.js';
import { isPublicAddress, type Network } from './address.ts';
import { OutboundError } from './outbound-error.ts';

export interface OutboundPolicy {
  readonly schemes: readonly ('https' | 'http')[];
  readonly ports: readonly number[];
  /** Networks that are open although they are not public; empty by default. */
  readonly allowedNetworks: readonly Network[];
}

/** For everything that a user can set: encrypted, on the ports that web servers have. */
export const PUBLIC_HTTPS: OutboundPolicy = {
  schemes: ['https'],
  ports: [443, 8443],
  allowedNetworks: [],
};

const MAX_URL_CHARACTERS = 2048;
/** Names that mean this machine or its neighbours, whatever a resolver says. */
const INSIDE_NAMES = [
  ...['localhost', 'localdomain', 'local', 'internal', 'intranet', 'lan', 'home', 'corp', 'private'],
  ...['home.arpa', 'in-addr.arpa', 'ip6.arpa', 'test', 'invalid', 'onion'],
];
const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'https:': 443, 'http:': 80 };

/**
 * Refuses every text that programs read in more than one way, and every host that is not public.
 * A name passes here; what it resolves to is judged by `fetchOutbound`.
 * @throws OutboundError 'url_invalid', 'scheme_refused', 'port_refused', 'host_refused', 'address_refused'
 */
export function checkOutboundUrl(text: string, policy: OutboundPolicy = PUBLIC_HTTPS): URL {
  if (text.length > MAX_URL_CHARACTERS) throw new OutboundError('url_invalid', 'the address is too long');
  // Blanks, controls and anything beyond ASCII are dropped or rewritten by URL parsers, each in its own way.
  if (!/^[!-~]+$/.test(text) || text.includes('\\')) {
    throw new OutboundError('url_invalid', 'the address holds a character that must be escaped');
  }
  const authority = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]+)/i.exec(text)?.[1];
  if (authority === undefined || !URL.canParse(text)) {
    throw new OutboundError('url_invalid', 'this is no address of the form https://host/path');
  }
  const url = new URL(text);
  if (!policy.schemes.some((scheme) => url.protocol === `${scheme}:`)) {
    throw new OutboundError(
      'scheme_refused',
      `the address must begin with ${policy.schemes.join(':// or ')}://`,
    );
  }
  if (authority.includes('@') || url.username !== '' || url.password !== '') {
    throw new OutboundError('url_invalid', 'the address must not hold a user name or password');
  }
  const port = url.port === '' ? DEFAULT_PORTS[url.protocol] : Number(url.port);
  if (port === undefined || !policy.ports.includes(port)) {
    throw new OutboundError('port_refused', `the port must be one of ${policy.ports.join(', ')}`);
  }
  checkHost(authority, url, policy);
  return url;
}

function checkHost(authority: string, url: URL, { allowedNetworks }: OutboundPolicy): void {
  const { hostname } = url;
  const written = authority.replace(/:\d*$/, '').toLowerCase();
  const literal = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  if (ipaddr.isValid(literal)) {
    // Decimal, octal, hexadecimal and short forms become an address only in the parser: they were not written so.
    if (!hostname.startsWith('[') && written !== hostname) {
      throw new OutboundError('host_refused', 'write an IPv4 address as four decimal numbers');
    }
    if (!isPublicAddress(literal, allowedNetworks)) {
      throw new OutboundError('address_refused', 'the address is not a public one');
    }
    return;
  }
  if (written !== hostname) {
    throw new OutboundError('host_refused', 'write the host name in lower-case ASCII (punycode)');
  }
  const name = hostname.replace(/\.$/, '');
  const isName = /^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/.test(name);
  if (!isName || INSIDE_NAMES.some((inside) => name.endsWith(`.${inside}`))) {
    throw new OutboundError('host_refused', 'the host must be a public name');
  }
}
