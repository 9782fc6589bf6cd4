/**
 * What an agent needs of an installation, and no more: the real broker and the real CA, and beside them a small control
 * plane and HTTPS endpoint that speak the contract. Its behaviour can be changed, so that tests can make it fail.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import type { Packet } from 'mqtt-packet';
import { type RunningBroker, startBroker } from '#broker';
import { type Authority, openAuthority } from '#certs';
import {
  type Ack,
  commonNameOf,
  type DeviceAddress,
  decodePayload,
  decodeValue,
  type EventRecord,
  fleetFilter,
  type Heartbeat,
  Heartbeat as HeartbeatSchema,
  identityUriOf,
  type LogRecord,
  type MetricRecord,
  type PayloadOf,
  type PresenceMessage,
  parseTopic,
  STREAMS,
  type Stream,
  systemTopic,
  topicFor,
} from '#contract';
import { RegisterBody, type RegisterReply } from '#web-api';
import { connectRaw, type RawClient } from '../../support/raw-mqtt-client.ts';

const ORG = 'acme';
const SILENT = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

export interface CloudBehaviour {
  acksMetrics: boolean;
  acksHeartbeats: boolean;
  /** New certificates are revoked as soon as they are issued, so that they cannot be used. */
  spoilsRenewals: boolean;
  /** The next registration is carried out, but its reply is lost. */
  losesReply: boolean;
}

export interface ContractCloud extends AsyncDisposable {
  readonly url: string;
  readonly caFile: string;
  readonly caPem: string;
  readonly dir: string;
  readonly token: string;
  readonly authority: Authority;
  readonly behaviour: CloudBehaviour;
  readonly presence: Array<PresenceMessage & { device: string }>;
  readonly heartbeats: Array<Heartbeat & { device: string }>;
  readonly httpsHeartbeats: Heartbeat[];
  /** Committed exactly once, by the cursor rule. */
  readonly rows: Array<MetricRecord & { device: string }>;
  readonly logRows: Array<LogRecord & { device: string }>;
  readonly eventRows: Array<EventRecord & { device: string }>;
  readonly liveLines: LogRecord[];
  readonly livePoints: MetricRecord[];
  readonly batches: Array<{
    device: string;
    stream: Stream;
    bootId: string;
    seq: number;
    isBacklog: boolean;
  }>;
  readonly registrations: RegisterBody[];
  readonly tokensIssued: { count: number };
  /** device → newest cursor; a test may set it back like a restored backup does. */
  readonly cursors: Map<string, number>;
  /** Served under /downloads and elsewhere, path → file. */
  readonly files: Map<string, string>;
  readonly mqttPort: number;
  /** To every device that has beaten. */
  say<C extends 'telemetry' | 'control'>(channel: C, message: PayloadOf<C>): Promise<void>;
  stopBroker(): Promise<void>;
  startBroker(): Promise<void>;
  revoke(serial: string): Promise<void>;
}

export async function startContractCloud(): Promise<ContractCloud> {
  const dir = await mkdtemp(join(tmpdir(), 'edge-agent-cloud-'));
  const authority = await openAuthority({ dir: join(dir, 'ca') });
  const tls = await authority.serverCertificate({ name: 'cloud', hosts: ['localhost', '127.0.0.1'] });
  const caFile = join(dir, 'ca.pem');
  await writeFile(caFile, authority.rootPem);

  const behaviour: CloudBehaviour = {
    acksMetrics: true,
    acksHeartbeats: true,
    spoilsRenewals: false,
    losesReply: false,
  };
  const presence: ContractCloud['presence'] = [];
  const heartbeats: ContractCloud['heartbeats'] = [];
  const httpsHeartbeats: Heartbeat[] = [];
  const rows: ContractCloud['rows'] = [];
  const logRows: ContractCloud['logRows'] = [];
  const eventRows: ContractCloud['eventRows'] = [];
  const liveLines: LogRecord[] = [];
  const livePoints: MetricRecord[] = [];
  const batches: ContractCloud['batches'] = [];
  const registrations: RegisterBody[] = [];
  const devices = new Map<string, string>();
  const cursors = new Map<string, number>();
  const files = new Map<string, string>();
  const tokensIssued = { count: 0 };
  const revoked: string[] = [];
  let broker: RunningBroker | null = null;
  let controlPlane: RawClient | null = null;
  let generation = 0;
  let mqttPort = 0;

  const issue = (device: string, csrPem: string) => {
    const principal = { kind: 'device', org: ORG, device } as const;
    return authority.issue({
      csrPem,
      subject: { commonName: commonNameOf(principal), organization: ORG, unit: 'device' },
      identityUri: identityUriOf(principal),
      days: 60,
    });
  };
  const publish = async (topic: string, payload: object): Promise<void> => {
    await controlPlane?.publish(topic, JSON.stringify(payload));
  };
  const tellRevocations = (kind: 'snapshot' | 'added', serials: readonly string[]) =>
    publish(systemTopic('revocations'), {
      kind,
      generation: String(++generation),
      part: 1,
      parts: 1,
      serials,
    });
  const revoke = async (serial: string): Promise<void> => {
    revoked.push(serial);
    await tellRevocations('added', [serial]);
  };
  // Without waiting for PUBACK: a control plane does not stop for one device either.
  const ack = (address: DeviceAddress, message: Ack): void =>
    controlPlane?.send({
      cmd: 'publish',
      topic: topicFor('ack', address),
      payload: JSON.stringify(message),
      qos: 0,
      dup: false,
      retain: false,
    });

  const receive = async (topic: string, payload: Uint8Array): Promise<void> => {
    const target = parseTopic(topic);
    if (target === null) return;
    const { device } = target;
    if (target.channel === 'presence') {
      presence.push({ device, ...checked(decodePayload('presence', payload)) });
    } else if (target.channel === 'heartbeat') {
      const beat = checked(decodePayload('heartbeat', payload));
      heartbeats.push({ device, ...beat });
      if (behaviour.acksHeartbeats) {
        ack(target, { stream: 'heartbeat', boot_id: String(beat.session_epoch), seq: beat.seq ?? 0 });
      }
    } else if (target.channel === 'metrics' || target.channel === 'logs' || target.channel === 'events') {
      const { channel } = target;
      const batch = checked(decodePayload(channel, payload));
      const { boot_id: bootId = '', seq = 0 } = batch;
      batches.push({ device, stream: channel, bootId, seq, isBacklog: batch.backfill === true });
      const stream = `${device} ${channel} ${bootId}`;
      const cursor = cursors.get(stream) ?? 0;
      if (seq === cursor + 1) {
        cursors.set(stream, seq);
        if (channel === 'metrics')
          rows.push(...records('metrics', payload).map((row) => ({ device, ...row })));
        if (channel === 'logs') logRows.push(...records('logs', payload).map((row) => ({ device, ...row })));
        if (channel === 'events')
          eventRows.push(...records('events', payload).map((row) => ({ device, ...row })));
      }
      if (behaviour.acksMetrics)
        ack(target, { stream: channel, boot_id: bootId, seq: cursors.get(stream) ?? 0 });
    } else if (target.channel === 'live/logs') {
      liveLines.push(...checked(decodePayload('live/logs', payload)).records);
    } else if (target.channel === 'live/metrics') {
      livePoints.push(...checked(decodePayload('live/metrics', payload)).records);
    } else if (target.channel === 'certificate/request') {
      const request = checked(decodePayload('certificate/request', payload));
      const issued = issue(device, request.csr);
      if (behaviour.spoilsRenewals) await revoke(issued.serial);
      await publish(topicFor('certificate/issued', target), {
        request_id: request.request_id,
        certificate_chain: issued.chainPem,
        expires_at: issued.notAfter.toISOString(),
      });
    }
  };

  const openBroker = async (): Promise<void> => {
    broker = await startBroker({
      host: '127.0.0.1',
      port: mqttPort,
      tls: { keyPem: tls.keyPem, chainPem: tls.chainPem },
      trustPem: authority.trustPem,
      log: SILENT,
    });
    mqttPort = broker.port;
    const keys = await authority.serviceCertificate('control-plane');
    const client = await connectRaw({
      host: '127.0.0.1',
      port: mqttPort,
      servername: 'localhost',
      ca: authority.rootPem,
      key: keys.keyPem,
      cert: keys.chainPem,
    });
    const code = await client.connect({ clientId: 'service/control-plane' });
    if (code !== 0) throw new Error(`CONNACK ${code} for the control plane`);
    const channels = [
      ...(['presence', 'heartbeat', 'certificate/request', 'live/logs', 'live/metrics'] as const),
      ...STREAMS,
    ];
    await client.subscribe(...channels.map(fleetFilter));
    followPublishes(client, receive);
    controlPlane = client;
    await tellRevocations('snapshot', revoked);
  };

  const server = createServer(
    {
      key: tls.keyPem,
      cert: tls.chainPem,
      ca: authority.trustPem,
      requestCert: true,
      rejectUnauthorized: false,
    },
    (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const answer = (status: number, body: unknown): void => {
          response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
        };
        const refuse = (status: number, code: string): void =>
          answer(status, { type: 'x', title: 'Refused', status, code, instance: randomUUID() });
        const path = request.url ?? '';
        const [, device, verb] = /^\/api\/v1\/edge\/devices\/([^/]+)\/(\w+)$/.exec(path) ?? [];
        const file = files.get(path);
        if (file !== undefined) {
          readFile(file).then(
            (content) => response.writeHead(200).end(content),
            () => refuse(404, 'route.not_found'),
          );
        } else if (path === '/api/v1/edge/devices/register') {
          const body = checked(decodeValue(RegisterBody, JSON.parse(Buffer.concat(chunks).toString())));
          registrations.push(body);
          if (body.registration_token !== 'good-token') return refuse(401, 'enrollment.token_invalid');
          const id = devices.get(body.hardware_id) ?? randomUUID();
          devices.set(body.hardware_id, id);
          if (behaviour.losesReply) {
            behaviour.losesReply = false;
            request.socket.destroy();
            return;
          }
          answer(201, registerReply(id, issue(id, body.csr ?? '').chainPem));
        } else if (verb === 'heartbeat') {
          if (request.headers.authorization !== `Bearer jwt-${tokensIssued.count}`)
            return refuse(401, 'auth.required');
          httpsHeartbeats.push(
            checked(decodeValue(HeartbeatSchema, JSON.parse(Buffer.concat(chunks).toString()))),
          );
          answer(200, { ack: true, pending_config: null, server_time: new Date().toISOString() });
        } else if (verb === 'token') {
          const socket = request.socket as TLSSocket;
          if (!socket.authorized || socket.getPeerCertificate().subject.CN !== `${ORG}/${device}`) {
            return refuse(401, 'auth.required');
          }
          tokensIssued.count += 1;
          answer(201, {
            auth_token: `jwt-${tokensIssued.count}`,
            auth_token_expires_at: new Date(Date.now() + 3_600_000).toISOString(),
          });
        } else {
          refuse(404, 'route.not_found');
        }
      });
    },
  );
  const registerReply = (device: string, chain: string): RegisterReply => ({
    device_id: device,
    auth_token: 'jwt-0',
    auth_token_expires_at: new Date(Date.now() + 3_600_000).toISOString(),
    organization_id: randomUUID(),
    organization_slug: ORG,
    certificate_chain: chain,
    ca_certificate: authority.rootPem,
    mqtt_url: `mqtts://localhost:${mqttPort}`,
    client_id: `${ORG}/${device}`,
    heartbeat_interval_seconds: 30,
  });
  await listen(server);
  await openBroker();

  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    caFile,
    caPem: authority.rootPem,
    dir,
    token: 'good-token',
    authority,
    behaviour,
    presence,
    heartbeats,
    httpsHeartbeats,
    rows,
    logRows,
    eventRows,
    liveLines,
    livePoints,
    batches,
    registrations,
    tokensIssued,
    cursors,
    files,
    get mqttPort() {
      return mqttPort;
    },
    async say(channel, message) {
      for (const device of new Set(heartbeats.map((beat) => beat.device))) {
        await publish(topicFor(channel, { org: ORG, device }), message);
      }
    },
    async stopBroker() {
      controlPlane?.destroy();
      controlPlane = null;
      await broker?.stop();
      broker = null;
    },
    startBroker: openBroker,
    revoke,
    async [Symbol.asyncDispose]() {
      controlPlane?.destroy();
      await broker?.stop();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Hands on every publish in order of arrival. */
function followPublishes(
  client: RawClient,
  receive: (topic: string, payload: Uint8Array) => Promise<void>,
): void {
  let done = 0;
  const follow = (): void => {
    for (; done < client.packets.length; done += 1) {
      const packet: Packet | undefined = client.packets[done];
      if (packet?.cmd === 'publish') {
        const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
        receive(packet.topic, payload).catch((error: unknown) =>
          client.socket.destroy(new Error(String(error))),
        );
      }
    }
  };
  client.socket.on('data', follow);
}

function checked<T>(decoded: { ok: true; value: T } | { ok: false; reason: string }): T {
  if (!decoded.ok) throw new Error(`the agent breaks the contract: ${decoded.reason}`);
  return decoded.value;
}

const records = <S extends Stream>(stream: S, payload: Uint8Array): PayloadOf<S>['records'] =>
  checked(decodePayload(stream, payload)).records;

const listen = (server: Server): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve());
  });
