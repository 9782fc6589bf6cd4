/**
 * Log records with secrets in them, as programs leak them: by kind, in sentences, headers, JSON, environments, split over
 * lines. The same for the same seed. All keys, cards and addresses are made up.
 */
import { generateKeyPairSync } from 'node:crypto';
import type { LogRecord } from '#contract';
import { seededRandom } from './seeded-random.ts';

export interface PlantedSecret {
  readonly kind: string;
  /** In order, next to each other, of one service. */
  readonly records: readonly LogRecord[];
  /** What must not be found afterwards, nor any 12 characters of it in a row. */
  readonly needles: readonly string[];
  /** Harmless, in the last record; must be found afterwards, else nobody looked at the right place. */
  readonly canary: string;
}

/** Fewer characters in a row than this say too little to be a find. */
export const WINDOW_CHARS = 12;

/** Whether any part of the needle that says something stands in the text. */
export function leaks(text: string, needle: string): boolean {
  if (needle.length <= WINDOW_CHARS) return text.includes(needle);
  for (let start = 0; start + WINDOW_CHARS <= needle.length; start += 1) {
    if (text.includes(needle.slice(start, start + WINDOW_CHARS))) return true;
  }
  return false;
}

interface Draft {
  readonly lines: readonly string[];
  readonly needles: readonly string[];
  readonly metadata?: LogRecord['metadata'];
}

class Dice {
  readonly random: () => number;
  constructor(random: () => number) {
    this.random = random;
  }
  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }
  text(alphabet: string, length: number): string {
    return Array.from({ length }, () => alphabet[this.below(alphabet.length)]).join('');
  }
}

const LOWER = 'abcdefghijklmnopqrstuvwxyz';
const UPPER = LOWER.toUpperCase();
const DIGITS = '0123456789';
const ALNUM = LOWER + UPPER + DIGITS;
const BASE64 = `${ALNUM}+/`;
const BASE64URL = `${ALNUM}-_`;
const HEX = '0123456789abcdef';
const WORDS =
  'amber basil cedar delta ember fjord grove heron inlet jolly karma lemon maple north ocean piano quartz river solar tiger'.split(
    ' ',
  );

function password(dice: Dice): string {
  const word = (): string => dice.pick(WORDS);
  return dice.pick([
    () => `${word()}${dice.below(9000) + 1000}`,
    () => `${word()}-${word()}-${word()}`,
    () => `${word().toUpperCase()}_${word()}!${dice.below(99)}`,
    () => dice.text(ALNUM, 12 + dice.below(20)),
    () => dice.text(`${ALNUM}!#%^*+-_.~`, 16 + dice.below(8)).replace(/[.,!]$/, 'x'),
    () => `P@${word()}$${dice.below(900) + 100}`,
    () => `${word()}${word()}`,
  ])();
}

const b64 = (text: string): string => Buffer.from(text).toString('base64');
const b64url = (text: string): string => Buffer.from(text).toString('base64url');

function jwt(dice: Dice): string {
  const header = b64url(JSON.stringify({ alg: dice.pick(['HS256', 'RS256', 'ES256', 'EdDSA']), typ: 'JWT' }));
  const payload = b64url(
    JSON.stringify({ sub: dice.text(HEX, 32), iss: 'edge', exp: 1_790_000_000 + dice.below(1e6) }),
  );
  return `${header}.${payload}.${dice.text(BASE64URL, 43)}`;
}

/** A key pair takes long; a body of the right form is as good. */
function pem(dice: Dice): string {
  const label = dice.pick([
    'PRIVATE KEY',
    'RSA PRIVATE KEY',
    'EC PRIVATE KEY',
    'OPENSSH PRIVATE KEY',
    'ENCRYPTED PRIVATE KEY',
  ]);
  if (label === 'PRIVATE KEY' && dice.random() < 0.2) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString().trim();
  }
  const body = Array.from({ length: 2 + dice.below(8) }, () => dice.text(BASE64, 64));
  return [
    `-----BEGIN ${label}-----`,
    ...body,
    `${dice.text(BASE64, 18 + dice.below(40))}==`,
    `-----END ${label}-----`,
  ].join('\n');
}

/** Without the beginning that all keys of a curve share. */
const bodyOf = (armour: string): string[] =>
  armour
    .split('\n')
    .filter((line) => !line.startsWith('-----'))
    .map((line) => (line.startsWith('MIGHAgEAMBMGByqGSM49') ? line.slice(40) : line));

function card(dice: Dice): string {
  const [prefix, length] = dice.pick([
    ['4', 16],
    ['51', 16],
    ['55', 16],
    ['2221', 16],
    ['34', 15],
    ['37', 15],
    ['6011', 16],
    ['36', 14],
    ['3530', 16],
    ['4', 13],
    ['62', 19],
  ] as const);
  const digits = prefix + dice.text(DIGITS, length - prefix.length - 1);
  for (let check = 0; check < 10; check += 1) if (luhn(digits + check)) return digits + check;
  throw new Error('no check digit');
}

function luhn(digits: string): boolean {
  const sum = [...digits].reverse().reduce((total, digit, index) => {
    const value = Number(digit) * (index % 2 === 0 ? 1 : 2);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}

function grouped(digits: string, separator: string): string {
  if (digits.length === 15)
    return [digits.slice(0, 4), digits.slice(4, 10), digits.slice(10)].join(separator);
  if (digits.length === 14)
    return [digits.slice(0, 4), digits.slice(4, 10), digits.slice(10)].join(separator);
  return (digits.match(/.{1,4}/g) ?? []).join(separator);
}

function iban(dice: Dice): string {
  const account = dice.text(DIGITS, 18);
  let rest = 0n;
  rest = BigInt(`${account}131400`) % 97n;
  return `DE${String(98n - rest).padStart(2, '0')}${account}`;
}

function email(dice: Dice): string {
  const name = dice.pick([
    () => `${dice.pick(WORDS)}.${dice.pick(WORDS)}`,
    () => `${dice.pick(WORDS)}${dice.below(1000)}`,
    () => `${dice.pick(WORDS)}+${dice.pick(WORDS)}`,
  ])();
  return `${name}@${dice.pick(['kunden-post', 'mail.werkstatt', 'firma-muster', 'post.uni-lab'])}.${dice.pick(['com', 'de', 'co.uk', 'io', 'org'])}`;
}

const VENDOR: Readonly<Record<string, (dice: Dice) => string>> = {
  github: (dice) =>
    dice.pick([
      () => `${dice.pick(['ghp_', 'gho_', 'ghs_'])}${dice.text(ALNUM, 36)}`,
      () => `github_pat_${dice.text(ALNUM, 22)}_${dice.text(ALNUM, 59)}`,
    ])(),
  gitlab: (dice) => `${dice.pick(['glpat-', 'gldt-', 'glrt-'])}${dice.text(BASE64URL, 20)}`,
  slack: (dice) =>
    `${dice.pick(['xoxb', 'xoxp'])}-${dice.text(DIGITS, 12)}-${dice.text(DIGITS, 12)}-${dice.text(ALNUM, 24)}`,
  stripe: (dice) =>
    `${dice.pick(['sk_live_', 'rk_live_', 'sk_test_'])}${dice.text(ALNUM, 24 + dice.below(70))}`,
  google: (dice) =>
    dice.pick([() => `AIza${dice.text(BASE64URL, 34)}x`, () => `GOCSPX-${dice.text(ALNUM, 28)}`])(),
  npm: (dice) => `npm_${dice.text(ALNUM, 36)}`,
  'ai-key': (dice) =>
    dice.pick([
      () => `hf_${dice.text(ALNUM, 34)}`,
      () => `sk-proj-${dice.text(BASE64URL, 48)}`,
      () => `sk-ant-api03-${dice.text(BASE64URL, 60)}`,
      () => `nvapi-${dice.text(BASE64URL, 64)}`,
    ])(),
  azure: (dice) => `${dice.text(ALNUM, 3)}8Q~${dice.text(ALNUM, 34)}`,
  'platform-token': (dice) => `oce_${dice.text(ALNUM, 8)}_${dice.text(ALNUM, 40)}`,
  'vendor-other': (dice) =>
    dice.pick([
      () => `dop_v1_${dice.text(HEX, 64)}`,
      () => `SG.${dice.text(ALNUM, 22)}.${dice.text(ALNUM, 43)}`,
      () => `hvs.${dice.text(ALNUM, 24)}`,
      () => `dckr_pat_${dice.text(ALNUM, 27)}`,
      () => `glsa_${dice.text(ALNUM, 32)}_${dice.text(HEX, 8)}`,
    ])(),
};

/** A token inside what a program prints. */
function inSentence(dice: Dice, secret: string): string {
  return dice.pick([
    (s: string) => `2026-11-23T06:12:01.123Z ERROR request failed with ${s}`,
    (s: string) => `could not log in using ${s}: 401 Unauthorized`,
    (s: string) => `+ curl -s https://api.example.com/v1/me?x=1 -H 'X-Auth: ${s}'`,
    (s: string) => `{"level":"debug","msg":"sending","value":"${s}","n":3}`,
    (s: string) => `config loaded (${s}), starting`,
    (s: string) => `Error: rejected\\n    at handler (${s})`,
    (s: string) => `[worker-3] <${s}> is about to expire`,
    (s: string) => `GET /callback?state=abc&code=${s}&x=2 HTTP/1.1" 302`,
    (s: string) => s,
  ])(secret);
}

const PASSWORD_KEYS = [
  'password',
  'PASSWORD',
  'passwd',
  'pwd',
  'db_password',
  'DB_PASSWORD',
  'dbPassword',
  'PGPASSWORD',
  'spring.datasource.password',
  'admin-password',
  'passphrase',
];
const TOKEN_KEYS = [
  'token',
  'secret',
  'api_key',
  'apikey',
  'API_KEY',
  'access_token',
  'refresh_token',
  'client_secret',
  'clientSecret',
  'x-api-key',
  'private_key',
  'secretKey',
  'authToken',
  'credentials',
  'AWS_SECRET_ACCESS_KEY',
  'encryption_key',
];

const opaque = (dice: Dice): string =>
  dice.text(dice.pick([ALNUM, HEX, BASE64URL]), 20 + dice.below(30)).replace(/^-|-$/g, '7');
const secretPair = (dice: Dice): { key: string; value: string } =>
  dice.random() < 0.6
    ? { key: dice.pick(PASSWORD_KEYS), value: password(dice) }
    : { key: dice.pick(TOKEN_KEYS), value: opaque(dice) };

const one = (line: string, ...needles: string[]): Draft => ({ lines: [line], needles });

const KINDS: Readonly<Record<string, (dice: Dice) => Draft>> = {
  ...Object.fromEntries(
    Object.entries(VENDOR).map(([kind, make]) => [
      kind,
      (dice: Dice): Draft => {
        const secret = make(dice);
        return one(inSentence(dice, secret), secret);
      },
    ]),
  ),
  jwt: (dice) => {
    const token = jwt(dice);
    return one(inSentence(dice, token), token);
  },
  'bearer-header': (dice) => {
    const token = opaque(dice);
    return one(
      dice.pick([
        `> Authorization: Bearer ${token}`,
        `headers: {"authorization":"Bearer ${token}","accept":"*/*"}`,
        `authorization: [ 'Bearer ${token}' ]`,
        `sent bearer ${token} to upstream`,
      ]),
      token,
    );
  },
  'basic-header': (dice) => {
    const secret = password(dice);
    const encoded = b64(`${dice.pick(WORDS)}:${secret}`);
    return one(
      dice.pick([
        `Authorization: Basic ${encoded}`,
        `proxy-authorization: basic ${encoded}`,
        `"Authorization": "Basic ${encoded}",`,
      ]),
      encoded.replace(/=+$/, ''),
      secret,
    );
  },
  cookie: (dice) => {
    const value = opaque(dice);
    return one(
      dice.pick([
        `Cookie: theme=dark; session=${value}`,
        `< Set-Cookie: sid=${value}; Path=/; HttpOnly`,
        `{"cookie":"connect.sid=${value}"}`,
      ]),
      value,
    );
  },
  'url-password': (dice) => {
    const secret = password(dice).replace(/[#%^?/]/g, 'x');
    return one(
      dice.pick([
        `connecting to postgres://app:${secret}@db.internal:5432/edge`,
        `REDIS_URL=redis://:${secret}@10.0.0.5:6379/0`,
        `clone https://bot:${secret}@git.example.com/a/b.git failed`,
        `amqp://guest:${secret}@mq/vhost refused`,
      ]),
      secret,
    );
  },
  'key=value': (dice) => {
    const { key, value } = secretPair(dice);
    return one(
      dice.pick([
        `starting with user=app ${key}=${value} host=db`,
        `export ${key}=${value}`,
        `dsn "host=db user=app ${key}=${value} sslmode=require"`,
        `Server=db;User Id=app;${key}=${value};Encrypt=true`,
        `${key}='${value}'`,
        `env: HOME=/root ${key}=${value}`,
      ]),
      value,
    );
  },
  'key: value': (dice) => {
    const { key, value } = secretPair(dice);
    return one(
      dice.pick([
        `${key}: ${value}`,
        `  ${key}: "${value}"`,
        `config { host: db, ${key}: ${value}, port: 5432 }`,
        `${key} : ${value}`,
        `${key} = ${value}`,
        `:${key} => "${value}"`,
      ]),
      value,
    );
  },
  json: (dice) => {
    const { key, value } = secretPair(dice);
    return one(
      dice.pick([
        JSON.stringify({ user: 'app', [key]: value, port: 1 }),
        `body=${JSON.stringify({ a: { b: [{ [key]: value }] } })}`,
        `{ "${key}" : "${value}" }`,
        JSON.stringify({ name: key, value }),
      ]),
      value,
    );
  },
  'escaped-json': (dice) => {
    const { key, value } = secretPair(dice);
    const inner = JSON.stringify({ user: 'app', [key]: value });
    return one(
      dice.pick([
        JSON.stringify({ msg: inner }),
        JSON.stringify({ msg: JSON.stringify({ body: inner }) }),
        `payload: ${JSON.stringify(inner)}`,
      ]),
      value,
    );
  },
  'query-string': (dice) => {
    const value = opaque(dice);
    const key = dice.pick([
      'access_token',
      'token',
      'api_key',
      'apikey',
      'client_secret',
      'password',
      'sig',
      'X-Amz-Signature',
    ]);
    const long = key === 'sig' || key === 'X-Amz-Signature' ? dice.text(HEX, 64) : value;
    return one(`GET /v1/things?page=2&${key}=${long}&sort=asc HTTP/1.1`, long);
  },
  flag: (dice) => {
    const { key, value } = secretPair(dice);
    const name = key.toLowerCase().replace(/[_.]/g, '-');
    const safe = value.replace(/^-/, '9');
    return one(
      dice.pick([`exec: mysqldump --${name} ${safe} --all-databases`, `argv --${name}=${safe} -v`]),
      safe,
    );
  },
  'xml-yaml-sql': (dice) => {
    const value = password(dice);
    return one(
      dice.pick([
        `<user>app</user><password>${value}</password>`,
        `ALTER ROLE app PASSWORD '${value}'`,
        `  - name: DB_PASSWORD\n    value: x\n  password: ${value}`,
        `password="${value}"`,
      ]),
      value,
    );
  },
  'aws-pair': (dice) => {
    const id = `AKIA${dice.text(UPPER + DIGITS, 16)}`;
    const secret = dice.text(BASE64, 39) + dice.pick([...ALNUM]);
    return one(
      dice.pick([
        `aws_access_key_id=${id} aws_secret_access_key=${secret}`,
        `using ${id} / ${secret} in eu-central-1`,
        `{"AccessKeyId":"${id}","SecretAccessKey":"${secret}"}`,
        `export AWS_ACCESS_KEY_ID=${id}\nexport AWS_SECRET_ACCESS_KEY=${secret}`,
      ]),
      id,
      secret,
    );
  },
  'azure-connection': (dice) => {
    const key = `${dice.text(BASE64, 86)}==`;
    return one(
      `DefaultEndpointsProtocol=https;AccountName=store;AccountKey=${key};EndpointSuffix=core.windows.net`,
      key,
    );
  },
  'pem-one-record': (dice) => {
    const key = pem(dice);
    return one(
      dice.pick([
        key,
        `loaded key:\n${key}\nok`,
        `key was ${key.replaceAll('\n', '\\n')} (bad)`,
        JSON.stringify({ key }),
      ]),
      ...bodyOf(key),
    );
  },
  'pem-over-records': (dice) => {
    const key = pem(dice);
    const indent = dice.pick(['', '  ', '\t']);
    return { lines: key.split('\n').map((line) => indent + line), needles: bodyOf(key) };
  },
  'card-plain': (dice) => {
    const number = card(dice);
    return one(
      dice.pick([
        `charging card ${number} for 12.50 EUR`,
        `{"pan":"${number}","cvc":"***"}`,
        `pan=${number}`,
        `card: ${number}.`,
      ]),
      number,
    );
  },
  'card-grouped': (dice) => {
    const number = grouped(card(dice), dice.pick([' ', '-']));
    return one(
      dice.pick([`declined: ${number} (insufficient funds)`, `card number "${number}"`, `${number}`]),
      number,
    );
  },
  email: (dice) => {
    const address = email(dice);
    return one(
      dice.pick([
        `mail sent to ${address}`,
        `user=${address} logged in`,
        `From: "A. Person" <${address}>`,
        `{"to":["${address}"]}`,
        `login failed for ${address.toUpperCase()}.`,
      ]),
      address,
    );
  },
  iban: (dice) => {
    const account = iban(dice);
    const shown = dice.random() < 0.5 ? account : (account.match(/.{1,4}/g) ?? []).join(' ');
    return one(`payout to ${shown} queued`, shown);
  },
  'password-hash': (dice) => {
    const hash = dice.pick([
      () => `$6$${dice.text(ALNUM, 16)}$${dice.text(ALNUM, 86)}`,
      () => `$2b$12$${dice.text(ALNUM, 53)}`,
      () => `$argon2id$v=19$m=65536,t=3,p=4$${dice.text(ALNUM, 22)}$${dice.text(ALNUM, 43)}`,
    ])();
    return one(`root:${hash}:19000:0:99999:7:::`, hash.slice(hash.lastIndexOf('$') + 1));
  },
  'base64-of-pair': (dice) => {
    const { key, value } = secretPair(dice);
    const plain = dice.pick([
      `user=app ${key}=${value} host=db`,
      JSON.stringify({ user: 'app', [key]: value }),
    ]);
    const encoded = b64(plain);
    return one(
      dice.pick([`decoded config ${encoded} ok`, `data: ${encoded}`, `{"blob":"${encoded}"}`]),
      encoded.replace(/=+$/, ''),
      value,
    );
  },
  'base64-of-token': (dice) => {
    const secret =
      dice.pick([VENDOR.github, VENDOR.gitlab, VENDOR['platform-token'], jwt, email])?.(dice) ?? '';
    const encoded = dice.random() < 0.5 ? b64(`value ${secret} end`) : b64url(`auth for bob is ${secret}`);
    return one(`blob ${encoded}`, encoded.replace(/=+$/, ''), secret);
  },
  'json-key': (dice) => {
    const secret = dice.pick([VENDOR.github, VENDOR.stripe, VENDOR.gitlab, email])?.(dice) ?? '';
    return one(`seen ${JSON.stringify({ [secret]: 3, other: 1 })}`, secret);
  },
  'metadata-key': (dice) => {
    const secret = dice.pick([VENDOR.github, VENDOR.gitlab, email])?.(dice).slice(0, 58) ?? '';
    return { lines: ['counters'], needles: [secret], metadata: { [secret]: 3 } };
  },
  'metadata-value': (dice) => {
    const { key, value } = secretPair(dice);
    return { lines: ['request done'], needles: [value], metadata: { [key]: value, status: 200 } };
  },
  'metadata-text': (dice) => {
    const secret = dice.pick([VENDOR.slack, VENDOR['ai-key'], jwt])?.(dice) ?? '';
    return { lines: ['request failed'], needles: [secret], metadata: { detail: inSentence(dice, secret) } };
  },
  'token-over-two-records': (dice) => {
    const secret = dice.pick([jwt, VENDOR.github, VENDOR['platform-token'], VENDOR.stripe])?.(dice) ?? '';
    const cut = 6 + dice.below(secret.length - 12);
    const lead = dice.pick(['got token ', 'Authorization: Bearer ', 'TOKEN=', 'using ']);
    return {
      lines: [
        lead + secret.slice(0, cut),
        dice.pick(['', '    ']) + secret.slice(cut) + dice.pick(['', ' for upstream']),
      ],
      needles: [secret.slice(0, cut), secret.slice(cut)].filter((part) => part.length >= WINDOW_CHARS),
    };
  },
  'token-over-two-lines': (dice) => {
    const secret = dice.pick([jwt, VENDOR.github, VENDOR['ai-key'], VENDOR['platform-token']])?.(dice) ?? '';
    const cut = 6 + dice.below(secret.length - 12);
    return one(
      `request with ${secret.slice(0, cut)}${dice.pick(['\n', '\r\n', '\\\n', '\n  '])}${secret.slice(cut)}\nfailed`,
      ...[secret.slice(0, cut), secret.slice(cut)].filter((part) => part.length >= WINDOW_CHARS),
    );
  },
  'name-above-value': (dice) => {
    const { key, value } = secretPair(dice);
    return {
      lines: [
        dice.pick([`${key}:`, `enter ${key}: `, `"${key}":`, `${key}=`, `${key}: |`]),
        dice.pick([value, `  ${value}`, `"${value}"`]),
      ],
      needles: [value],
    };
  },
  'card-over-two-records': (dice) => {
    const digits = card(dice);
    const cut = 4 * (1 + dice.below(3));
    const isGrouped = digits.length === 16 && dice.random() < 0.5;
    const [left, right] = isGrouped
      ? [grouped(digits.slice(0, cut), ' '), grouped(digits.slice(cut), ' ')]
      : [digits.slice(0, cut), digits.slice(cut)];
    return { lines: [`card ${left}`, right], needles: [left.length > right.length ? left : right] };
  },
};

export const PLANTED_KINDS: readonly string[] = Object.keys(KINDS);
const SERVICES = ['vllm', 'nginx', 'postgres', 'app', 'dockerd', 'sshd'];
const LEVELS = ['debug', 'info', 'warning', 'error'] as const;

/** `count` secrets, the kinds in turn. */
export function plantSecrets(count: number, seed: number): PlantedSecret[] {
  const dice = new Dice(seededRandom(seed));
  return Array.from({ length: count }, (_, index) => {
    const kind = PLANTED_KINDS[index % PLANTED_KINDS.length] as string;
    const draft = (KINDS[kind] as (dice: Dice) => Draft)(dice);
    const canary = `canary${String(index).padStart(6, '0')}q`;
    const records = draft.lines.map(
      (message, line): LogRecord => ({
        timestamp: new Date(Date.UTC(2026, 10, 23, 6) + index * 1000 + line).toISOString(),
        log_level: dice.pick(LEVELS),
        service_name: SERVICES[index % SERVICES.length] as string,
        message,
        metadata: { ...(line === draft.lines.length - 1 ? draft.metadata : undefined), probe: canary },
      }),
    );
    return { kind, records, needles: draft.needles, canary };
  });
}
