/** Every setting of the installation, once: environment name, flag, schema, default and doc. */
import { hostname, networkInterfaces } from 'node:os';
import { resolve } from 'node:path';
import { type Static, type TSchema, Type } from 'typebox';
import { decodeValue } from '#contract';

interface Setting {
  readonly env: string;
  /** `--name value` on the command line, which wins over the environment. */
  readonly flag: string;
  readonly schema: TSchema;
  readonly default: string | number | boolean | null;
  readonly doc: string;
  /** Never printed. */
  readonly secret?: true;
}

const Port = Type.Integer({ minimum: 0, maximum: 65_535 });
const Text = Type.String({ minLength: 1, maxLength: 4096 });
const Optional = Type.Union([Text, Type.Null()]);

export const SETTINGS = {
  role: {
    env: 'EDGE_ROLE',
    flag: 'role',
    schema: Type.Enum(['all', 'broker', 'control-plane', 'web']),
    default: 'all',
    doc: 'Which part this process runs; `all` supervises one process per part.',
  },
  dataDir: {
    env: 'DATA_DIR',
    flag: 'data-dir',
    schema: Text,
    default: '.data',
    doc: 'Folder of all state: database, certificates, logs.',
  },
  httpHost: {
    env: 'HTTP_HOST',
    flag: 'http-host',
    schema: Text,
    default: '127.0.0.1',
    doc: 'Bind address of the plain HTTP listener; keep it on loopback.',
  },
  httpPort: {
    env: 'HTTP_PORT',
    flag: 'http-port',
    schema: Port,
    default: 8080,
    doc: 'Port of the plain HTTP listener.',
  },
  httpsHost: {
    env: 'HTTPS_HOST',
    flag: 'https-host',
    schema: Text,
    default: '0.0.0.0',
    doc: 'Bind address of the HTTPS listener for devices and remote consoles.',
  },
  httpsPort: {
    env: 'HTTPS_PORT',
    flag: 'https-port',
    schema: Port,
    default: 8443,
    doc: 'Port of the HTTPS listener.',
  },
  mqttHost: {
    env: 'MQTT_HOST',
    flag: 'mqtt-host',
    schema: Text,
    default: '0.0.0.0',
    doc: 'Bind address of the MQTT broker.',
  },
  mqttPort: {
    env: 'MQTT_PORT',
    flag: 'mqtt-port',
    schema: Port,
    default: 8883,
    doc: 'Port of the MQTT broker (TLS 1.3, client certificates).',
  },
  publicHost: {
    env: 'PUBLIC_HOST',
    flag: 'public-host',
    schema: Optional,
    default: null,
    doc: 'Name or address by which devices reach this machine; default: its first outside IPv4 address, else its host name.',
  },
  mqttUrl: {
    env: 'MQTT_URL',
    flag: 'mqtt-url',
    schema: Optional,
    default: null,
    doc: 'Broker that the control plane connects to; default: the embedded one.',
  },
  databaseUrl: {
    env: 'DATABASE_URL',
    flag: 'database-url',
    schema: Optional,
    default: null,
    secret: true,
    doc: 'PostgreSQL to use, postgres://user:password@host/database; default: an embedded server in the data folder.',
  },
  timeseries: {
    env: 'TIMESERIES',
    flag: 'timeseries',
    schema: Type.Enum(['auto', 'timescale', 'plain']),
    default: 'auto',
    doc: 'Hypertables of TimescaleDB or native partitions; asking for what is not there stops the start.',
  },
  postgresBin: {
    env: 'POSTGRES_BIN',
    flag: 'postgres-bin',
    schema: Optional,
    default: null,
    doc: 'Folder with initdb and postgres for the embedded server; default: the npm package’s, else the system’s.',
  },
  caPassphrase: {
    env: 'CA_PASSPHRASE',
    flag: 'ca-passphrase',
    schema: Optional,
    default: null,
    secret: true,
    doc: 'Encrypts the keys of the own CA on disk.',
  },
  deviceMtls: {
    env: 'DEVICE_MTLS',
    flag: 'device-mtls',
    schema: Type.Enum(['optional', 'required']),
    default: 'optional',
    doc: 'Whether a device’s JWT counts only together with its client certificate on the same connection.',
  },
  deviceCertificateDays: {
    env: 'DEVICE_CERTIFICATE_DAYS',
    flag: 'device-certificate-days',
    schema: Type.Number({ minimum: 0.001, maximum: 825 }),
    default: 60,
    doc: 'Life of a device certificate; renewed at two thirds.',
  },
  adminEmail: {
    env: 'ADMIN_EMAIL',
    flag: 'admin-email',
    schema: Text,
    default: 'admin@localhost.local',
    doc: 'E-mail of the first system admin, made on the first start.',
  },
  adminPassword: {
    env: 'ADMIN_PASSWORD',
    flag: 'admin-password',
    schema: Type.Union([Type.String({ minLength: 12, maxLength: 200 }), Type.Null()]),
    default: null,
    secret: true,
    doc: 'Password of the first system admin; default: a random one, printed once, to be changed at the first sign-in.',
  },
  localAgent: {
    env: 'LOCAL_AGENT',
    flag: 'local-agent',
    schema: Type.Boolean(),
    default: true,
    doc: 'Enrol this machine itself as the first device.',
  },
  dev: {
    env: 'EDGE_DEV',
    flag: 'dev',
    schema: Type.Boolean(),
    default: false,
    doc: 'Development: adds a simulated fleet.',
  },
  devices: {
    env: 'DEV_DEVICES',
    flag: 'devices',
    schema: Type.Integer({ minimum: 0, maximum: 5000 }),
    default: 25,
    doc: 'Size of the simulated fleet with --dev.',
  },
  logFormat: {
    env: 'LOG_FORMAT',
    flag: 'log-format',
    schema: Type.Enum(['text', 'json']),
    default: 'text',
    doc: '`json`: one JSON line per event on standard output, `ready` among them.',
  },
  logLevel: {
    env: 'LOG_LEVEL',
    flag: 'log-level',
    schema: Type.Enum(['debug', 'info', 'warn', 'error']),
    default: 'info',
    doc: 'Lowest level that is written.',
  },
} as const satisfies Record<string, Setting>;

type Table = typeof SETTINGS;
export type SettingName = keyof Table;
export type Settings = { readonly [K in SettingName]: Static<Table[K]['schema']> };

/** A setting that cannot be used; the message names it and the remedy. */
export class SettingsError extends Error {
  override name = 'SettingsError';
}

/**
 * Reads flags over environment over defaults.
 * @throws SettingsError naming the flag or variable that is unknown or not valid.
 */
export function readSettings(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Settings {
  const flags = readFlags(argv);
  const entries = Object.entries(SETTINGS).map(([name, setting]) => {
    const raw = flags.get(setting.flag) ?? env[setting.env];
    const value = raw === undefined || raw === '' ? setting.default : convert(setting.schema, raw);
    const decoded = decodeValue(setting.schema, value);
    if (!decoded.ok) {
      const place = flags.has(setting.flag) ? `--${setting.flag}` : setting.env;
      throw new SettingsError(`${place}: ${decoded.reason.replace(/^payload: /, '')}. ${setting.doc}`);
    }
    return [name, value] as const;
  });
  const settings = Object.fromEntries(entries) as Settings;
  return {
    ...settings,
    dataDir: resolve(settings.dataDir),
    publicHost: settings.publicHost ?? defaultPublicHost(),
  };
}

function readFlags(argv: readonly string[]): Map<string, string> {
  const known = new Map<string, Setting>(Object.values(SETTINGS).map((setting) => [setting.flag, setting]));
  const flags = new Map<string, string>();
  for (let index = 0; index < argv.length; index += 1) {
    const [name = '', inline] = (argv[index] ?? '').replace(/^--/, '').split(/=(.*)/s);
    const negated = name.startsWith('no-') ? known.get(name.slice(3)) : undefined;
    const setting = known.get(name);
    if (!argv[index]?.startsWith('--') || (setting === undefined && negated === undefined)) {
      throw new SettingsError(`${argv[index]}: no such option; \`npm start -- --help\` lists them`);
    }
    if (negated !== undefined) {
      flags.set(negated.flag, 'false');
    } else if (
      setting?.schema === SETTINGS.dev.schema ||
      setting?.default === true ||
      setting?.default === false
    ) {
      flags.set(name, inline ?? 'true');
    } else {
      const value = inline ?? argv[++index];
      if (value === undefined) throw new SettingsError(`--${name}: needs a value`);
      flags.set(name, value);
    }
  }
  return flags;
}

function convert(schema: TSchema, raw: string): unknown {
  const type = (schema as { type?: string }).type;
  if (type === 'integer' || type === 'number') return raw.trim() === '' ? raw : Number(raw);
  if (type === 'boolean')
    return raw === 'true' || raw === '1' ? true : raw === 'false' || raw === '0' ? false : raw;
  return raw;
}

function defaultPublicHost(): string {
  const outside = Object.values(networkInterfaces())
    .flat()
    .find((address) => address?.family === 'IPv4' && !address.internal);
  return outside?.address ?? hostname();
}
