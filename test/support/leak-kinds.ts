/** How programs leak secrets, by kind: one draft of log lines each. */
import type { LogRecord } from '#contract';
import {
  ALNUM,
  BASE64,
  BASE64URL,
  b64,
  b64url,
  bodyOf,
  card,
  DIGITS,
  type Dice,
  email,
  grouped,
  HEX,
  iban,
  inSentence,
  jwt,
  password,
  pem,
  UPPER,
  VENDOR,
  WORDS,
} from './made-up-secrets.ts';

/** Fewer characters in a row than this say too little to be a find. */
export const WINDOW_CHARS = 12;

export interface Draft {
  readonly lines: readonly string[];
  readonly needles: readonly string[];
  readonly metadata?: LogRecord['metadata'];
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

export const KINDS: Readonly<Record<string, (dice: Dice) => Draft>> = {
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
