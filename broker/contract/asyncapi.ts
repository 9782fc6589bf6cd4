/** The MQTT contract as an AsyncAPI 3.0 document, derived from the channel tables. Pure. */
import type { TSchema } from 'typebox';
import { CHANNELS, type Channel, SYSTEM_CHANNELS } from './channels.ts';
import { DEVICE_ID, ORG_SLUG } from './identity.ts';
import { systemTopic, TOPIC_ROOT } from './topics.ts';

type Json = Record<string, unknown>;

/** JSON in, JSON out: what TypeBox keeps in symbols and `undefined` is left behind. */
const plain = (schema: TSchema): Json => JSON.parse(JSON.stringify(schema));

const idOf = (name: string): string => name.replace(/\/(.)/g, (_match, first: string) => first.toUpperCase());

interface Entry {
  readonly id: string;
  readonly address: string;
  readonly doc: string;
  readonly qos: number;
  readonly retain: boolean;
  /** Who sends, seen from the platform. */
  readonly action: 'send' | 'receive';
  readonly payload: TSchema;
  readonly isPerDevice: boolean;
}

function entries(): Entry[] {
  const perDevice = Object.entries<Channel>(CHANNELS).map(([name, channel]) => ({
    id: idOf(name),
    address: `${TOPIC_ROOT}/{org}/{device}/${channel.direction}/${name}`,
    doc: channel.doc,
    qos: channel.qos,
    retain: channel.retain,
    action: channel.direction === 'up' ? ('receive' as const) : ('send' as const),
    payload: channel.payload,
    isPerDevice: true,
  }));
  const system = Object.entries(SYSTEM_CHANNELS).map(([name, channel]) => ({
    id: `system${idOf(`/${name}`)}`,
    address: systemTopic(name === 'refusals' ? 'refusals' : 'revocations'),
    doc: channel.doc,
    qos: channel.qos,
    retain: false,
    action: name === 'refusals' ? ('receive' as const) : ('send' as const),
    payload: channel.payload,
    isPerDevice: false,
  }));
  return [...perDevice, ...system];
}

/** The whole document; keys in the order of the tables, so that a change of the contract is a small change of the file. */
export function asyncApiDocument(version: string): Json {
  const all = entries();
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Ops-Center Edge over MQTT',
      version,
      description:
        'MQTT 3.1.1 over TLS 1.3 with client certificates. A device’s client id is the CN of its certificate; ' +
        'sessions are clean. Seen from the platform: it receives what devices send and sends what they receive. ' +
        'A PUBACK is no promise: data is safe once an `ack` says so.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: 'application/json',
    servers: {
      broker: {
        host: '{host}:8883',
        protocol: 'secure-mqtt',
        protocolVersion: '3.1.1',
        variables: { host: { default: 'localhost', description: 'Name or address of the installation.' } },
        security: [{ $ref: '#/components/securitySchemes/clientCertificate' }],
      },
    },
    channels: Object.fromEntries(all.map((entry) => [entry.id, channelOf(entry)])),
    operations: Object.fromEntries(
      all.map((entry) => [`${entry.action}${capital(entry.id)}`, operationOf(entry)]),
    ),
    components: {
      messages: Object.fromEntries(all.map((entry) => [entry.id, messageOf(entry)])),
      securitySchemes: {
        clientCertificate: {
          type: 'X509',
          description: 'Issued at enrolment; names organisation and device.',
        },
      },
    },
  };
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const channelOf = ({ id, address, doc, isPerDevice }: Entry): Json => ({
  address,
  description: doc,
  messages: { [id]: { $ref: `#/components/messages/${id}` } },
  ...(isPerDevice
    ? {
        parameters: {
          org: { description: `Slug of the organisation: ${ORG_SLUG.source}` },
          device: { description: `UUID of the device: ${DEVICE_ID.source}` },
        },
      }
    : {}),
});

const operationOf = ({ id, action, doc, qos, retain }: Entry): Json => ({
  action,
  summary: doc,
  channel: { $ref: `#/channels/${id}` },
  messages: [{ $ref: `#/channels/${id}/messages/${id}` }],
  bindings: { mqtt: { qos, retain, bindingVersion: '0.2.0' } },
});

function messageOf({ id, doc, payload }: Entry): Json {
  const { examples, ...schema } = plain(payload);
  return {
    name: id,
    title: typeof schema.title === 'string' ? schema.title : capital(id),
    summary: doc,
    contentType: 'application/json',
    payload: schema,
    ...(Array.isArray(examples)
      ? { examples: examples.map((example: unknown) => ({ payload: example })) }
      : {}),
  };
}
