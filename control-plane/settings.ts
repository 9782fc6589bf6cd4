/** Every setting of the installation, once: environment name, flag, schema, default and doc. */
import { hostname, networkInterfaces } from 'node:os';
import { resolve } from 'node:path';
import { type Static, type TSchema, Type } from 'typebox';
import { decodeValue } from '#contract';
import { MAX_API_KEY_DAYS } from '#web-api';

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
const VaultPath = Type.String({ pattern: '^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$', maxLength: 200 });
/** Organisations share nothing below it, so that one cannot reach into the other's folder. */
const OrgPrefix = Type.String({ pattern: '^([A-Za-z0-9_-]+/)*\\{org\\}$', maxLength: 200 });

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
  organizationGraceDays: {
    env: 'ORGANIZATION_GRACE_DAYS',
    flag: 'organization-grace-days',
    schema: Type.Integer({ minimum: 0, maximum: 3650 }),
    default: 30,
    doc: 'Days from the deletion of an organisation to its end, in which a system admin can take it back.',
  },
  caPassphrase: {
    env: 'CA_PASSPHRASE',
    flag: 'ca-passphrase',
    schema: Optional,
    default: null,
    secret: true,
    doc: 'Encrypts the keys of the own CA on disk.',
  },
  keyProvider: {
    env: 'KEY_PROVIDER',
    flag: 'key-provider',
    schema: Type.Enum(['local', 'vault', 'aws-kms']),
    default: 'local',
    doc: 'What wraps the data keys of encryption at rest: a key file in the data folder, HashiCorp Vault’s transit engine, or AWS KMS.',
  },
  vaultAddr: {
    env: 'VAULT_ADDR',
    flag: 'vault-addr',
    schema: Optional,
    default: null,
    doc: 'HashiCorp Vault or OpenBao, https://host:8200; for KEY_PROVIDER=vault and for secrets of organisations.',
  },
  vaultNamespace: {
    env: 'VAULT_NAMESPACE',
    flag: 'vault-namespace',
    schema: Optional,
    default: null,
    doc: 'Namespace of Vault Enterprise.',
  },
  vaultCaFile: {
    env: 'VAULT_CACERT',
    flag: 'vault-cacert',
    schema: Optional,
    default: null,
    doc: 'PEM file with the CA of Vault’s certificate; default: those that Node trusts.',
  },
  vaultAuth: {
    env: 'VAULT_AUTH',
    flag: 'vault-auth',
    schema: Type.Enum(['token', 'approle', 'kubernetes']),
    default: 'token',
    doc: 'How to sign in to Vault.',
  },
  vaultToken: {
    env: 'VAULT_TOKEN',
    flag: 'vault-token',
    schema: Optional,
    default: null,
    secret: true,
    doc: 'Token for VAULT_AUTH=token; renewed while it can be.',
  },
  vaultRoleId: {
    env: 'VAULT_ROLE_ID',
    flag: 'vault-role-id',
    schema: Optional,
    default: null,
    doc: 'Role id for VAULT_AUTH=approle.',
  },
  vaultSecretId: {
    env: 'VAULT_SECRET_ID',
    flag: 'vault-secret-id',
    schema: Optional,
    default: null,
    secret: true,
    doc: 'Secret id for VAULT_AUTH=approle.',
  },
  vaultKubernetesRole: {
    env: 'VAULT_KUBERNETES_ROLE',
    flag: 'vault-kubernetes-role',
    schema: Optional,
    default: null,
    doc: 'Role for VAULT_AUTH=kubernetes.',
  },
  vaultKubernetesTokenFile: {
    env: 'VAULT_KUBERNETES_TOKEN_FILE',
    flag: 'vault-kubernetes-token-file',
    schema: Text,
    default: '/var/run/secrets/kubernetes.io/serviceaccount/token',
    doc: 'Token of the service account for VAULT_AUTH=kubernetes.',
  },
  vaultTransitMount: {
    env: 'VAULT_TRANSIT_MOUNT',
    flag: 'vault-transit-mount',
    schema: VaultPath,
    default: 'transit',
    doc: 'Mount of Vault’s transit engine.',
  },
  vaultTransitKey: {
    env: 'VAULT_TRANSIT_KEY',
    flag: 'vault-transit-key',
    schema: VaultPath,
    default: 'ops-center-edge',
    doc: 'Key of the transit engine, of type aes256-gcm96.',
  },
  vaultKvMount: {
    env: 'VAULT_KV_MOUNT',
    flag: 'vault-kv-mount',
    schema: VaultPath,
    default: 'secret',
    doc: 'Mount of Vault’s KV engine, version 2, for secrets of organisations.',
  },
  vaultSecretsPrefix: {
    env: 'VAULT_SECRETS_PREFIX',
    flag: 'vault-secrets-prefix',
    schema: OrgPrefix,
    default: 'edge/{org}',
    doc: 'Folder of an organisation’s secrets in Vault; {org} is its slug. No reference leaves it.',
  },
  awsRegion: {
    env: 'AWS_REGION',
    flag: 'aws-region',
    schema: Optional,
    default: null,
    doc: 'AWS region; for KEY_PROVIDER=aws-kms and for secrets of organisations in AWS Secrets Manager.',
  },
  awsEndpointUrl: {
    env: 'AWS_ENDPOINT_URL',
    flag: 'aws-endpoint-url',
    schema: Optional,
    default: null,
    doc: 'Other address of AWS’s services, such as a private endpoint.',
  },
  awsKmsKeyId: {
    env: 'AWS_KMS_KEY_ID',
    flag: 'aws-kms-key-id',
    schema: Optional,
    default: null,
    doc: 'Id, ARN or alias of the symmetric KMS key.',
  },
  awsSecretsPrefix: {
    env: 'AWS_SECRETS_PREFIX',
    flag: 'aws-secrets-prefix',
    schema: OrgPrefix,
    default: 'edge/{org}',
    doc: 'Begin of the ids of an organisation’s secrets in AWS Secrets Manager; {org} is its slug. No reference leaves it.',
  },
  secretCacheSeconds: {
    env: 'SECRET_CACHE_SECONDS',
    flag: 'secret-cache-seconds',
    schema: Type.Integer({ minimum: 0, maximum: 3600 }),
    default: 60,
    doc: 'How long a value of Vault or AWS Secrets Manager is kept in memory; nothing older is ever used.',
  },
  oidcIssuer: {
    env: 'OIDC_ISSUER',
    flag: 'oidc-issuer',
    schema: Optional,
    default: null,
    doc: 'Identity provider for sign-in by OpenID Connect, such as https://host/realms/fleet; default: none.',
  },
  oidcClientId: {
    env: 'OIDC_CLIENT_ID',
    flag: 'oidc-client-id',
    schema: Text,
    default: 'ops-center-edge',
    doc: 'Our client at the identity provider.',
  },
  oidcClientSecret: {
    env: 'OIDC_CLIENT_SECRET',
    flag: 'oidc-client-secret',
    schema: Optional,
    default: null,
    secret: true,
    doc: 'Secret of that client; default: a public client, protected by PKCE alone.',
  },
  oidcLabel: {
    env: 'OIDC_LABEL',
    flag: 'oidc-label',
    schema: Type.String({ minLength: 1, maxLength: 60 }),
    default: 'single sign-on',
    doc: 'Name of the identity provider on the button of the login page.',
  },
  oidcScopes: {
    env: 'OIDC_SCOPES',
    flag: 'oidc-scopes',
    schema: Type.String({ pattern: '^openid( [!-~]+)*$', maxLength: 500 }),
    default: 'openid profile email',
    doc: 'Scopes asked for at a sign-in.',
  },
  oidcAudience: {
    env: 'OIDC_AUDIENCE',
    flag: 'oidc-audience',
    schema: Optional,
    default: null,
    doc: 'What an access token must name as its audience to count for the API; default: OIDC_CLIENT_ID.',
  },
  oidcConsoleUrl: {
    env: 'OIDC_CONSOLE_URL',
    flag: 'oidc-console-url',
    schema: Optional,
    default: null,
    doc: 'Address of the console as browsers see it, where the identity provider sends them back; default: https://PUBLIC_HOST:HTTPS_PORT.',
  },
  oidcRoles: {
    env: 'OIDC_ROLES',
    flag: 'oidc-roles',
    schema: Optional,
    default: null,
    doc: 'Roles of the identity provider and ours, theirs=ours separated by commas; default: ours by their own names.',
  },
  oidcDefaultRole: {
    env: 'OIDC_DEFAULT_ROLE',
    flag: 'oidc-default-role',
    schema: Type.Enum(['none', 'org_member', 'auditor', 'release_manager', 'operator', 'org_admin']),
    default: 'none',
    doc: 'Role of people in an organisation to whom the identity provider gives none that is known.',
  },
  oidcSystemAdminRole: {
    env: 'OIDC_SYSTEM_ADMIN_ROLE',
    flag: 'oidc-system-admin-role',
    schema: Optional,
    default: null,
    doc: 'Role of the identity provider that makes a system admin; default: none does.',
  },
  oidcOrganizationClaim: {
    env: 'OIDC_ORGANIZATION_CLAIM',
    flag: 'oidc-organization-claim',
    schema: Text,
    default: 'organization',
    doc: 'Claim that names a person’s organisations by their slugs.',
  },
  oidcGroupsClaim: {
    env: 'OIDC_GROUPS_CLAIM',
    flag: 'oidc-groups-claim',
    schema: Text,
    default: 'groups',
    doc: 'Claim with groups /orgs/<slug>/<role>.',
  },
  oidcCreateOrganizations: {
    env: 'OIDC_CREATE_ORGANIZATIONS',
    flag: 'oidc-create-organizations',
    schema: Type.Boolean(),
    default: false,
    doc: 'Make organisations that the identity provider names and that do not exist; otherwise they are ignored.',
  },
  oidcLinkByEmail: {
    env: 'OIDC_LINK_BY_EMAIL',
    flag: 'oidc-link-by-email',
    schema: Type.Boolean(),
    default: false,
    doc: 'Let a local account, no system admin’s, pass to the first person of the identity provider whose verified e-mail is the same.',
  },
  oidcRecheckMinutes: {
    env: 'OIDC_RECHECK_MINUTES',
    flag: 'oidc-recheck-minutes',
    schema: Type.Number({ minimum: 0.05, maximum: 1440 }),
    default: 5,
    doc: 'How often a session in use is checked with the identity provider.',
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
  sessionIdleMinutes: {
    env: 'SESSION_IDLE_MINUTES',
    flag: 'session-idle-minutes',
    schema: Type.Integer({ minimum: 5, maximum: 43_200 }),
    default: 480,
    doc: 'A session that nobody uses for so long ends; organisations may ask for less.',
  },
  sessionMaxHours: {
    env: 'SESSION_MAX_HOURS',
    flag: 'session-max-hours',
    schema: Type.Integer({ minimum: 1, maximum: 720 }),
    default: 24,
    doc: 'A session ends after so long, used or not.',
  },
  requireAdminTotp: {
    env: 'REQUIRE_ADMIN_TOTP',
    flag: 'require-admin-totp',
    schema: Type.Boolean(),
    default: false,
    doc: 'System admins can do nothing but set up a second factor until they have one.',
  },
  apiKeyMaxDays: {
    env: 'API_KEY_MAX_DAYS',
    flag: 'api-key-max-days',
    schema: Type.Integer({ minimum: 1, maximum: MAX_API_KEY_DAYS }),
    default: 365,
    doc: 'Longest life of an API key; organisations may ask for less.',
  },
  loginAttemptsPerMinute: {
    env: 'LOGIN_ATTEMPTS_PER_MINUTE',
    flag: 'login-attempts-per-minute',
    schema: Type.Integer({ minimum: 1, maximum: 1000 }),
    default: 5,
    doc: 'Wrong passwords and codes per address and per account; each minute used up doubles the next wait, up to 15 minutes.',
  },
  orgRequestsPerSecond: {
    env: 'ORG_REQUESTS_PER_SECOND',
    flag: 'org-requests-per-second',
    schema: Type.Integer({ minimum: 1, maximum: 100_000 }),
    default: 100,
    doc: 'API requests of all people and keys of an organisation, for each web process; twice as many at once.',
  },
  userRequestsPerSecond: {
    env: 'USER_REQUESTS_PER_SECOND',
    flag: 'user-requests-per-second',
    schema: Type.Integer({ minimum: 1, maximum: 100_000 }),
    default: 50,
    doc: 'API requests of one person or key, for each web process; twice as many at once.',
  },
  deviceRequestsPerSecond: {
    env: 'DEVICE_REQUESTS_PER_SECOND',
    flag: 'device-requests-per-second',
    schema: Type.Integer({ minimum: 1, maximum: 100_000 }),
    default: 20,
    doc: 'HTTPS requests of one device, for each web process; ten times as many at once, for what it kept while it was offline.',
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
