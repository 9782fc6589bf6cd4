/** Which IP addresses a request for a user may go to: public unicast ones, by allow-list. Pure. */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Public by number, and yet an inside door of a cloud. */
const METADATA_ADDRESSES: ReadonlySet<string> = new Set([
  // Azure's wire server.
  '168.63.129.16',
  // Alibaba Cloud; inside the carrier-grade range, named in case that list changes.
  '100.100.100.200',
]);
/** All of today's public IPv6 unicast; what lies outside (compatible, site-local, NAT64 …) leads inside or nowhere. */
const GLOBAL_IPV6 = ipaddr.parseCIDR('2000::/3');
/** Interface ids of ISATAP, which hold an IPv4 address: 0000:5efe and 0200:5efe. */
const ISATAP = 0x5efe;

export type Network = readonly [ipaddr.IPv4 | ipaddr.IPv6, number];

/** `10.1.2.0/24`, or one address. @throws TypeError naming the text */
export function parseNetwork(text: string): Network {
  try {
    if (ipaddr.isValidCIDR(text)) return ipaddr.parseCIDR(text);
    const address = ipaddr.parse(text);
    return [address, address.kind() === 'ipv4' ? 32 : 128];
  } catch (cause) {
    throw new TypeError(`${text} is no network`, { cause });
  }
}

/** @param allowed networks that an installation opens to its own inside, such as a webhook receiver beside it */
export function isPublicAddress(text: string, allowed: readonly Network[] = []): boolean {
  // With a zone (`fe80::1%eth0`) it is local by nature.
  if (text.includes('%') || isIP(text) === 0) return false;
  const address = ipaddr.parse(text);
  if (allowed.some((network) => isWithin(address, network))) return true;
  if (METADATA_ADDRESSES.has(address.toString()) || address.range() !== 'unicast') return false;
  if (!(address instanceof ipaddr.IPv6)) return true;
  return isWithin(address, GLOBAL_IPV6) && (address.parts[5] ?? 0) !== ISATAP;
}

const isWithin = (address: ipaddr.IPv4 | ipaddr.IPv6, [network, bits]: Network): boolean =>
  address.kind() === network.kind() && address.match([network, bits] as [ipaddr.IPv4 & ipaddr.IPv6, number]);
