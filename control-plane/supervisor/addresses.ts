/** Under which names and addresses the installation is reached. Pure. */
import { createHash, X509Certificate } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import type { Settings } from '../settings.ts';

/** Names in a server certificate; a machine with more addresses (containers make many) keeps the first ones. */
export const MAX_CERTIFICATE_HOSTS = 50;

type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;
type AddressSettings = Pick<
  Settings,
  'publicHost' | 'httpHost' | 'httpPort' | 'httpsPort' | 'mqttHost' | 'mqttPort' | 'mqttUrl'
>;

/** What the server certificates are made out to: loopback, this machine's names and all its addresses. */
export function certificateHosts(
  publicHost: string | null,
  hostName: string,
  interfaces: Interfaces,
): string[] {
  const addresses = Object.values(interfaces)
    .flatMap((list) => list ?? [])
    // Link-local addresses mean something only together with an interface.
    .filter(({ address, internal }) => !internal && !address.startsWith('fe80:'))
    .map(({ address }) => address)
    .sort();
  const hosts = [
    'localhost',
    '127.0.0.1',
    '::1',
    ...(publicHost === null ? [] : [publicHost]),
    hostName,
    ...addresses,
  ];
  return [...new Set(hosts)].slice(0, MAX_CERTIFICATE_HOSTS);
}

export interface Addresses {
  /** Console on this machine. */
  readonly consoleUrl: string;
  /** HTTPS as devices see it. */
  readonly publicUrl: string;
  /** MQTT as devices see it. */
  readonly mqttUrl: string;
  /** MQTT as the control plane connects to it. */
  readonly ownMqttUrl: string;
}

/** Ports must be the real ones, not 0. */
export function addressesOf(settings: AddressSettings): Addresses {
  const publicHost = bracketed(settings.publicHost ?? 'localhost');
  return {
    consoleUrl: `http://${bracketed(reachable(settings.httpHost))}:${settings.httpPort}`,
    publicUrl: `https://${publicHost}:${settings.httpsPort}`,
    mqttUrl: settings.mqttUrl ?? `mqtts://${publicHost}:${settings.mqttPort}`,
    ownMqttUrl: settings.mqttUrl ?? `mqtts://${bracketed(reachable(settings.mqttHost))}:${settings.mqttPort}`,
  };
}

/** SHA-256 of the certificate as people compare it: `AB:CD:…`. */
export const fingerprintOf = (pem: string): string => new X509Certificate(pem).fingerprint256;

/** Short mark of a text, to see a change without keeping the text. */
export const markOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** An address that means "all of them" is none to connect to. */
function reachable(host: string): string {
  return host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
}

function bracketed(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}
