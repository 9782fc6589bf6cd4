/**
 * The cross-organisation matrix (RELIABILITY B1): every client of three organisations tries every way to every foreign
 * topic, while marked traffic flows, so that a leak shows as bytes and not only as a missing refusal.
 */
import { randomUUID } from 'node:crypto';
import {
  CHANNELS,
  type ChannelName,
  commonNameOf,
  type Principal,
  systemTopic,
  TOPIC_ROOT,
  topicFor,
} from '#contract';
import { type ClientKeys, device, integrator, startTestBroker, type TestBroker } from './broker.ts';
import type { RawClient } from './raw-mqtt-client.ts';

const ORGS = ['acme', 'bolt', 'acme-2'];
const DEVICES_PER_ORG = 3;
/** Attackers at work at the same time. */
const PARALLEL = 6;
const ATTACK_MARK = 'attack';
const SECRET_MARK = 'secret';
/** SUBACK code of a refusal. */
const REFUSED = 128;
const channels = Object.keys(CHANNELS) as ChannelName[];

export interface MatrixReport {
  attempts: number;
  refused: number;
  /** Payload bytes that reached somebody whom they were not for. */
  foreignBytes: number;
  /** Messages that did reach those whom they were for: the traffic was real. */
  ownMessages: number;
  readonly byKind: Record<string, number>;
  /** The first attempts that were not refused. */
  readonly failures: string[];
}

interface Attacker {
  readonly keys: ClientKeys;
  readonly org: string;
  /** Null for an integrator. */
  readonly device: string | null;
}

/** Lifted for the matrix, which is no flood but looks like one. */
const LIMITS = {
  connectsPerSecond: 1e6,
  connectBurst: 1e6,
  deviceMessagesPerSecond: 1e6,
  deviceMessageBurst: 1e6,
  orgMessagesPerSecond: 1e6,
  orgMessageBurst: 1e6,
};

/** @param share part of the matrix to run, 0-1; 1 makes more than 20,000 attempts. */
export async function runMatrix(share = 1): Promise<MatrixReport> {
  await using test = await startTestBroker({ limits: LIMITS });
  const report: MatrixReport = {
    attempts: 0,
    refused: 0,
    foreignBytes: 0,
    ownMessages: 0,
    byKind: {},
    failures: [],
  };
  const attackers = ORGS.flatMap((org) => [
    ...Array.from({ length: DEVICES_PER_ORG }, () => attackerOf(test, device(org, randomUUID()))),
    attackerOf(test, integrator(org)),
  ]);
  const devices = attackers.filter((attacker) => attacker.device !== null);
  const witnesses = await Promise.all(attackers.map((attacker) => openWitness(test, attacker)));
  await sayEverything(test, devices);

  const queue = [...attackers];
  const work = async (): Promise<void> => {
    for (let attacker = queue.shift(); attacker !== undefined; attacker = queue.shift()) {
      await attackAll({ test, report, attacker, devices, share });
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  for (const witness of witnesses) judge(report, witness.attacker, witness.client);
  return report;
}

function attackerOf(test: TestBroker, principal: Principal): Attacker {
  if (principal.kind === 'service') throw new RangeError('a service has no organisation');
  return {
    keys: test.keysFor(principal),
    org: principal.org,
    device: principal.kind === 'device' ? principal.device : null,
  };
}

/** An honest client with all it may hear: what an attack writes would reach it. Under its own second name for integrators. */
async function openWitness(
  test: TestBroker,
  attacker: Attacker,
): Promise<{ attacker: Attacker; client: RawClient }> {
  const keys = test.keysFor(integrator(attacker.org, `w-${randomUUID().slice(0, 8)}`));
  const client = await test.connect(keys);
  await client.subscribe(`${TOPIC_ROOT}/${attacker.org}/#`);
  return { attacker: { keys, org: attacker.org, device: null }, client };
}

/** One marked message on every channel of every device, the retained ones retained. */
async function sayEverything(test: TestBroker, devices: readonly Attacker[]): Promise<void> {
  for (const { org, device: id } of devices) {
    for (const channel of channels) {
      const topic = topicFor(channel, { org, device: id ?? '' });
      const retain = CHANNELS[channel].retain;
      await test.controlPlane.publish(topic, `${SECRET_MARK} of ${org}`, { retain });
    }
  }
}

interface Attack {
  readonly test: TestBroker;
  readonly report: MatrixReport;
  readonly attacker: Attacker;
  readonly devices: readonly Attacker[];
  readonly share: number;
}

async function attackAll(attack: Attack): Promise<void> {
  const topics = thinned(forbiddenTopics(attack), attack.share);
  const filters = thinned(forbiddenFilters(attack), attack.share);
  await attackSubscriptions(attack, filters);
  for (const filter of filters) await tryRestoredSession(attack, filter);
  for (const topic of topics) {
    await tryPublish(attack, topic, false);
    await tryPublish(attack, topic, true);
    await tryWill(attack, topic);
  }
  for (const clientId of thinned(foreignClientIds(attack), attack.share)) await tryTakeover(attack, clientId);
}

const thinned = <T>(list: readonly T[], share: number): T[] =>
  list.filter((_, index) => Math.floor(index * share) !== Math.floor((index - 1) * share));

/** All that must not be published: foreign topics, own ones of the wrong direction, and forms that only look fine. */
function forbiddenTopics({ attacker, devices }: Attack): string[] {
  const topics = new Set<string>();
  for (const { org, device: id } of devices) {
    const isOwn = org === attacker.org && id === attacker.device;
    for (const channel of channels) {
      if (isOwn && CHANNELS[channel].direction === 'up') continue;
      topics.add(topicFor(channel, { org, device: id ?? '' }));
    }
  }
  const victim = devices.find(({ org }) => org !== attacker.org);
  const other = `${TOPIC_ROOT}/${victim?.org}/${victim?.device}`;
  const own = `${TOPIC_ROOT}/${attacker.org}/${attacker.device ?? 'integrations'}`;
  for (const form of [
    systemTopic('revocations'),
    systemTopic('refusals'),
    '$SYS/x/new/clients',
    '$SYS/x/heartbeat',
    `/${other}/up/heartbeat`,
    `${other}//up/heartbeat`,
    `${other}/up/heartbeat/`,
    `${own}/../${victim?.device}/up/heartbeat`,
    `${own}/up/heartbeat/`,
    `${own}/up//heartbeat`,
    `${own}/up/constructor`,
    `${own}/UP/heartbeat`,
    `${own}/up/heartbeat%00`,
    `edge/v2/${attacker.org}/${attacker.device}/up/heartbeat`,
    `${TOPIC_ROOT}/${attacker.org}/events/presence`,
    `$share/g/${other}/up/heartbeat`,
    `${other.replace('edge', 'еdge')}/up/heartbeat`,
    'x',
    '/',
  ]) {
    topics.add(form);
  }
  return [...topics];
}

/** All that must not be subscribed, in every wildcard form. */
function forbiddenFilters({ attacker, devices }: Attack): string[] {
  const filters = new Set<string>();
  for (const { org, device: id } of devices) {
    const isOwn = org === attacker.org && (attacker.device === null || id === attacker.device);
    if (isOwn) continue;
    const root = `${TOPIC_ROOT}/${org}/${id}`;
    for (const channel of channels) filters.add(topicFor(channel, { org, device: id ?? '' }));
    for (const form of [
      '#',
      '+/#',
      '+/+',
      'up/#',
      'down/#',
      'up/+',
      'down/+',
      'down/certificate/+',
      '+/ack',
      '+/heartbeat/#',
      'up/presence/#',
      'down/ack/#',
    ])
      filters.add(`${root}/${form}`);
    for (const form of [`$share/g/${root}/#`, `/${root}/#`, `${root}//#`, `${root}/down/`]) filters.add(form);
  }
  for (const org of ORGS) {
    if (org === attacker.org && attacker.device === null) continue;
    for (const form of ['#', '+/#', '+/up/#', '+/down/#', '+/up/heartbeat', '+/+/+', 'events/#']) {
      filters.add(`${TOPIC_ROOT}/${org}/${form}`);
    }
  }
  for (const form of [
    '#',
    '+',
    '/#',
    '+/#',
    '+/+/+/+/+/+',
    '+/+/+/+/+/+/+',
    'edge/#',
    'edge/+/#',
    'edge/v1/#',
    'edge/v1/+/#',
    'edge/v1/+/+/up/#',
    'edge/v1/+/+/down/#',
    'edge/+/+/+/down/ack',
    '+/v1/+/+/up/heartbeat',
    '$SYS/#',
    '$SYS/+/new/clients',
    '+/+/new/clients',
    '$share/g/#',
    '$share/g/edge/v1/+/+/up/#',
    '$queue/edge/v1/#',
    systemTopic('revocations'),
    systemTopic('refusals'),
    'edge/system/#',
    'edge/system/v1/+',
    'edge//v1/#',
    `еdge/v1/#`,
    `edge/v1/${attacker.org}/#/up`,
    `edge/v1/${attacker.org}+/#`,
    `edge/v1/+${attacker.org}/#`,
  ]) {
    filters.add(form);
  }
  return [...filters];
}

const foreignClientIds = ({ attacker, devices }: Attack): string[] => [
  ...devices.filter(({ keys }) => keys.clientId !== attacker.keys.clientId).map(({ keys }) => keys.clientId),
  ...ORGS.map((org) => `${org}/integrations/${org === attacker.org ? 'other' : 'reports'}`),
  commonNameOf({ kind: 'service', name: 'control-plane' }),
  'service/broker',
  '',
  '#',
  '+/+',
  '__proto__',
  'constructor',
  `${attacker.keys.clientId}\u00a0`,
  `${attacker.keys.clientId}/`,
];

/** Alone and mixed with one that is allowed, at each QoS, with traffic on every topic while they would be live. */
async function attackSubscriptions(attack: Attack, filters: readonly string[]): Promise<void> {
  const { test, attacker, report } = attack;
  const allowed =
    attacker.device === null
      ? `${TOPIC_ROOT}/${attacker.org}/#`
      : `${TOPIC_ROOT}/${attacker.org}/${attacker.device}/down/#`;
  for (const isMixed of [false, true]) {
    const client = await test.connect(attacker.keys);
    for (const qos of [0, 1, 2] as const) {
      for (const filter of filters) {
        const topics = isMixed ? [allowed, filter] : [filter];
        const granted = await client.subscribe(...topics.map((topic) => ({ topic, qos })));
        const isRefused = granted === 'closed' || granted.at(-1) === REFUSED;
        count(
          report,
          isMixed ? 'mixed subscribe' : 'subscribe',
          isRefused,
          `${attacker.keys.clientId} ${filter}`,
        );
      }
    }
    await sayEverything(test, attack.devices);
    await client.ping();
    judge(report, attacker, client);
    client.destroy();
  }
}

/** A session that would outlive the connection, with the filter in a mixed SUBSCRIBE sent behind CONNECT. */
async function tryRestoredSession({ test, attacker, report }: Attack, filter: string): Promise<void> {
  const client = await test.open(attacker.keys);
  const connected = client.connect({ clientId: attacker.keys.clientId, clean: false });
  const subscribed = client.subscribe(`${TOPIC_ROOT}/${attacker.org}/#`, filter);
  const [code, granted] = await Promise.all([connected, subscribed]);
  count(
    report,
    'restored session',
    code !== 0 && granted === 'closed',
    `${attacker.keys.clientId} ${filter}`,
  );
  judge(report, attacker, client);
  client.destroy();
}

async function tryPublish({ test, attacker, report }: Attack, topic: string, retain: boolean): Promise<void> {
  const client = await test.connect(attacker.keys);
  const answer = await client.publish(topic, ATTACK_MARK, { retain });
  count(
    report,
    retain ? 'retained publish' : 'publish',
    answer === 'closed',
    `${attacker.keys.clientId} ${topic}`,
  );
  judge(report, attacker, client);
  client.destroy();
}

async function tryWill({ test, attacker, report }: Attack, topic: string): Promise<void> {
  const client = await test.open(attacker.keys);
  const will = { topic, payload: Buffer.from(ATTACK_MARK), qos: 1 as const, retain: true };
  const code = await client.connect({ clientId: attacker.keys.clientId, will });
  count(report, 'will', code !== 0, `${attacker.keys.clientId} ${topic}`);
  client.destroy();
}

async function tryTakeover({ test, attacker, report }: Attack, clientId: string): Promise<void> {
  // Without a name the client library itself asks for a clean session.
  for (const clean of clientId === '' ? [true] : [true, false]) {
    const client = await test.open(attacker.keys);
    const code = await client.connect({ clientId, clean });
    count(report, 'takeover', code !== 0, `${attacker.keys.clientId} as ${clientId}`);
    judge(report, attacker, client);
    client.destroy();
  }
}

function count(report: MatrixReport, kind: string, isRefused: boolean, what: string): void {
  report.attempts += 1;
  report.byKind[kind] = (report.byKind[kind] ?? 0) + 1;
  if (isRefused) report.refused += 1;
  else if (report.failures.length < 20) report.failures.push(`${kind}: ${what}`);
}

/** Whatever a client has received must be its own organisation's secret, and for a device on its own down channels. */
function judge(report: MatrixReport, attacker: Attacker, client: RawClient): void {
  const inbox = `${TOPIC_ROOT}/${attacker.org}/${attacker.device}/down/`;
  for (const packet of client.packets) {
    if (packet.cmd !== 'publish') continue;
    const text = packet.payload.toString();
    const isOwn =
      text === `${SECRET_MARK} of ${attacker.org}` &&
      (attacker.device === null || packet.topic.startsWith(inbox));
    if (isOwn) report.ownMessages += 1;
    else {
      report.foreignBytes += packet.payload.length + packet.topic.length;
      if (report.failures.length < 20)
        report.failures.push(`${attacker.keys.clientId} received ${packet.topic}: ${text}`);
    }
  }
}
