/** How a service reaches the broker: TLS with its own certificate, a clean session, and an end in order. */
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { IClientOptions, MqttClient } from 'mqtt';

export interface BrokerAccess {
  /** mqtts://host:port */
  readonly url: string;
  /** Certificate of the service. */
  readonly tls: { readonly keyPem: string; readonly chainPem: string };
  /** PEM of the CAs that the broker's certificate must come from. */
  readonly trustPem: string;
  /** Name that the broker's certificate must carry; default: the host of the URL. */
  readonly servername?: string;
}

const CONNECT_TIMEOUT_MS = 5000;
const KEEPALIVE_S = 30;
const CLOSE_DEADLINE_MS = 2000;

/** For one connection: who wants another makes a new client, so that nothing of the old session is sent again. */
export function brokerClientOptions(
  access: BrokerAccess,
  clientId: string,
): IClientOptions & Pick<ConnectionOptions, 'minVersion'> {
  const host = new URL(access.url).hostname.replace(/^\[|\]$/g, '');
  const servername = access.servername ?? host;
  return {
    protocolVersion: 4,
    clean: true,
    clientId,
    key: access.tls.keyPem,
    cert: access.tls.chainPem,
    ca: access.trustPem,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.3',
    // Names only: TLS has no server name for an address, and Node checks addresses against the host by itself.
    ...(isIP(servername) === 0 ? { servername } : {}),
    keepalive: KEEPALIVE_S,
    connectTimeout: CONNECT_TIMEOUT_MS,
    // The caller's, with backoff.
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
  };
}

/** What was published goes out, then DISCONNECT, then the socket; by force where the broker does not answer. */
export function closeInOrder(client: MqttClient): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => client.end(true, () => resolve()), CLOSE_DEADLINE_MS);
    client.end(false, () => {
      clearTimeout(force);
      resolve();
    });
  });
}
