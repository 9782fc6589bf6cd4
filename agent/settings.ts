/** Every option of the agent's commands, once: flag, environment name, schema, default and doc. */
import { type Static, type TSchema, Type } from 'typebox';
import { decodeValue } from '#contract';
import { DEVICE_TYPES } from '#web-api';
import { AgentError } from './errors.ts';
import { LOG_LEVELS } from './log.ts';

interface Setting {
  readonly flag: string;
  /** Null: on the command line only. */
  readonly env: string | null;
  readonly schema: TSchema;
  readonly default: string | number | null;
  readonly doc: string;
}

const Text = Type.String({ minLength: 1, maxLength: 4096 });
const OptionalText = Type.Union([Text, Type.Null()]);

const COMMON = {
  stateDir: {
    flag: 'state-dir',
    env: 'EDGE_AGENT_STATE_DIR',
    schema: Text,
    default: '/var/lib/edge-agent',
    doc: 'Folder of keys, identity and outbox; made with mode 0700.',
  },
  logFormat: {
    flag: 'log-format',
    env: 'EDGE_AGENT_LOG_FORMAT',
    schema: Type.Enum(['text', 'json']),
    default: 'text',
    doc: 'One line per event, readable or JSON.',
  },
  logLevel: {
    flag: 'log-level',
    env: 'EDGE_AGENT_LOG_LEVEL',
    schema: Type.Enum([...LOG_LEVELS]),
    default: 'info',
    doc: 'Lowest level that is written.',
  },
} as const satisfies Record<string, Setting>;

const SERVER = {
  token: {
    flag: 'token',
    env: 'EDGE_AGENT_TOKEN',
    schema: Type.String({ minLength: 1, maxLength: 200 }),
    default: null,
    doc: 'Registration token from the console. Required.',
  },
  cloudUrl: {
    flag: 'cloud-url',
    env: 'EDGE_AGENT_CLOUD_URL',
    schema: Text,
    default: null,
    doc: 'Address of the server, https://host:8443. Required.',
  },
  caFile: {
    flag: 'ca-file',
    env: 'EDGE_AGENT_CA_FILE',
    schema: OptionalText,
    default: null,
    doc: 'PEM file of the CA to trust; default: the system’s store.',
  },
} as const satisfies Record<string, Setting>;

const SERVICES = {
  services: {
    flag: 'services',
    env: 'EDGE_AGENT_SERVICES',
    schema: Type.String({ maxLength: 4096 }),
    default: '',
    doc: 'Services that must run, comma separated; the device is degraded while one does not.',
  },
} as const satisfies Record<string, Setting>;

export const COMMANDS = {
  enroll: {
    doc: 'Enrol this machine with a registration token.',
    settings: {
      ...SERVER,
      ...COMMON,
      name: {
        flag: 'name',
        env: 'EDGE_AGENT_NAME',
        schema: OptionalText,
        default: null,
        doc: 'Device name; default: the host name, with a suffix when that is taken.',
      },
      type: {
        flag: 'type',
        env: 'EDGE_AGENT_TYPE',
        schema: Type.Enum([...DEVICE_TYPES]),
        default: 'custom',
        doc: 'Device type.',
      },
      hardwareId: {
        flag: 'hardware-id',
        env: 'EDGE_AGENT_HARDWARE_ID',
        schema: OptionalText,
        default: null,
        doc: 'Unique name of the hardware; default: derived from the machine id.',
      },
      firmwareVersion: {
        flag: 'firmware-version',
        env: 'EDGE_AGENT_FIRMWARE_VERSION',
        schema: Type.Union([Type.String({ minLength: 1, maxLength: 50 }), Type.Null()]),
        default: null,
        doc: 'Version of the device’s software; default: the agent’s version.',
      },
      approvalWait: {
        flag: 'approval-wait',
        env: 'EDGE_AGENT_APPROVAL_WAIT',
        schema: Type.Union([Type.Number({ minimum: 0, maximum: 31_536_000 }), Type.Null()]),
        default: null,
        doc: 'Seconds to wait where people decide on the registration; default: for as long as it takes.',
      },
    },
  },
  run: {
    doc: 'Run in the foreground until SIGTERM.',
    settings: {
      ...COMMON,
      ...SERVICES,
      heartbeatSeconds: {
        flag: 'heartbeat-seconds',
        env: 'EDGE_AGENT_HEARTBEAT_SECONDS',
        schema: Type.Union([Type.Number({ minimum: 1, maximum: 3600 }), Type.Null()]),
        default: null,
        doc: 'Time between heartbeats, ± 10 %; default: what the server said at enrolment (30).',
      },
      telemetryConfig: {
        flag: 'telemetry-config',
        env: 'EDGE_AGENT_TELEMETRY_CONFIG',
        schema: OptionalText,
        default: null,
        doc: 'What to measure and which logs to read, JSON; default: /etc/edge-agent/telemetry.json where it exists.',
      },
    },
  },
  status: { doc: 'Show who this device is and whether it is connected.', settings: COMMON },
} as const;

/** Of `agent/fleet.ts`: many simulated devices in one process. */
export const FLEET_SETTINGS = {
  ...SERVER,
  stateDir: { ...COMMON.stateDir, default: '.data/fleet', doc: 'One folder for each device below it.' },
  logLevel: COMMON.logLevel,
  devices: {
    flag: 'devices',
    env: null,
    schema: Type.Integer({ minimum: 1, maximum: 5000 }),
    default: 25,
    doc: 'How many.',
  },
  heartbeatSeconds: {
    flag: 'heartbeat-seconds',
    env: null,
    schema: Type.Number({ minimum: 1, maximum: 3600 }),
    default: 30,
    doc: 'Time between heartbeats, ± 10 %.',
  },
  namePrefix: {
    flag: 'name-prefix',
    env: null,
    schema: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,100}$' }),
    default: 'sim',
    doc: 'Devices are called PREFIX-0001 and so on.',
  },
} as const satisfies Record<string, Setting>;

type Table = Readonly<Record<string, Setting>>;
/** A setting whose default its schema does not allow is required, so its value is always of the schema. */
export type ValuesOf<T extends Table> = { readonly [K in keyof T]: Static<T[K]['schema']> };

/** Flags over environment over defaults. @throws AgentError `usage` naming the flag or variable. */
export function readSettings<T extends Table>(
  table: T,
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): ValuesOf<T> {
  const flags = readFlags(table, argv);
  const entries = Object.entries(table).map(([name, setting]) => {
    const fromFlag = flags.get(setting.flag);
    const raw = fromFlag ?? (setting.env === null ? undefined : env[setting.env]);
    const value = raw === undefined || raw === '' ? setting.default : convert(setting, raw);
    const decoded = decodeValue(setting.schema, value);
    if (!decoded.ok) {
      const place =
        fromFlag === undefined && raw !== undefined && raw !== '' ? setting.env : `--${setting.flag}`;
      throw new AgentError(
        'usage',
        value === null
          ? `--${setting.flag} is missing. ${setting.doc}`
          : `${place} is not valid. ${setting.doc}`,
      );
    }
    return [name, decoded.value] as const;
  });
  // Each value passed the schema of its name just above.
  return Object.fromEntries(entries) as ValuesOf<T>;
}

/** The options as lines of `--help`. */
export const describeSettings = (table: Table): string =>
  Object.values(table)
    .map(({ flag, env, default: fallback, doc }) => {
      const notes = [fallback === null || fallback === '' ? null : `default ${fallback}`, env].filter(
        Boolean,
      );
      return `  --${flag.padEnd(18)} ${doc}${notes.length === 0 ? '' : ` [${notes.join('; ')}]`}`;
    })
    .join('\n');

function readFlags(table: Table, argv: readonly string[]): Map<string, string> {
  const known = new Set(Object.values(table).map(({ flag }) => flag));
  const flags = new Map<string, string>();
  for (let index = 0; index < argv.length; index += 1) {
    const [name = '', inline] = (argv[index] ?? '').replace(/^--/, '').split(/=(.*)/s);
    if (!argv[index]?.startsWith('--') || !known.has(name)) {
      throw new AgentError('usage', `${argv[index]}: no such option here; --help lists them`);
    }
    const value = inline ?? argv[++index];
    if (value === undefined) throw new AgentError('usage', `--${name} needs a value`);
    flags.set(name, value);
  }
  return flags;
}

/** Numbers come as text; a text setting is taken as it is. */
function convert({ schema }: Setting, raw: string): unknown {
  const isText = decodeValue(schema, raw).ok;
  return isText || raw.trim() === '' ? raw : Number(raw);
}
