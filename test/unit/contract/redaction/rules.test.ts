/** Every built-in rule, by what it hides and what it leaves. */
import { describe, expect, it } from 'vitest';
import { BUILTIN_RULES, createRedactor } from '#contract/redaction';

const redactor = createRedactor({ rules: [], disabled_builtin: [] });
const hidden = (text: string): string => redactor.text(text).text;
const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg';
const OPAQUE = 'q8Zr2LkX9vTn4BcW7hYd';
const PEM = `-----BEGIN PRIVATE KEY-----\n${'A1b2'.repeat(16)}\n-----END PRIVATE KEY-----`;

/** Rule, text, what is left of it. */
const HIDES: readonly (readonly [string, string, string])[] = [
  ['jwt', `got ${JWT}!`, 'got [redacted:jwt]!'],
  ['private-key', `key ${PEM} end`, 'key [redacted:private-key] end'],
  ['private-key', `key ${PEM.replaceAll('\n', '\\n')}"`, 'key [redacted:private-key]"'],
  ['private-key', `cut -----BEGIN RSA PRIVATE KEY-----\n${'A1b2'.repeat(9)}`, 'cut [redacted:private-key]'],
  ['aws-key', 'id AKIAIOSFODNN7EXAMPLE.', 'id [redacted:aws-key].'],
  [
    'aws-secret',
    `AKIAIOSFODNN7EXAMPLE / wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY`,
    '[redacted:aws-key] / [redacted:aws-secret]',
  ],
  ['github-token', `push with ghp_${'a1B2'.repeat(9)}`, 'push with [redacted:github-token]'],
  ['gitlab-token', 'x glpat-aB3dE6gH9jK2mN5pQ8sT y', 'x [redacted:gitlab-token] y'],
  ['slack-token', 'xoxb-123456789012-abcDEF123', '[redacted:slack-token]'],
  ['stripe-key', 'sk_live_4eC39HqLyjWDarjtT1zdp7dc', '[redacted:stripe-key]'],
  ['google-key', `AIza${'Sy0a-'.repeat(7)}`, '[redacted:google-key]'],
  ['package-registry-token', `npm_${'a1B2'.repeat(9)}`, '[redacted:package-registry-token]'],
  ['ai-key', `using sk-proj-${'a1B2_'.repeat(8)} now`, 'using [redacted:ai-key] now'],
  ['vendor-token', `hvs.${'a1B2'.repeat(7)}`, '[redacted:vendor-token]'],
  [
    'platform-token',
    `bash install ${`oce_abcd1234_${'x9Y8'.repeat(10)}`}`,
    'bash install [redacted:platform-token]',
  ],
  ['azure-key', `abc8Q~${'a1B2'.repeat(8)}ab`, '[redacted:azure-key]'],
  ['password-hash', `$6$saltsalt$${'a1B2'.repeat(20)}`, '[redacted:password-hash]'],
  ['url-password', 'postgres://app:hun/t@er2@db:5432/x', 'postgres://app:[redacted:url-password]@db:5432/x'],
  ['authorization', `sent bearer ${OPAQUE} up`, 'sent bearer [redacted:authorization] up'],
  ['cookie', 'Set-Cookie: sid=1; Path=/', 'Set-Cookie: [redacted:cookie]'],
  ['secret-value', 'password=hunter2 next', 'password=[redacted:secret-value] next'],
  ['secret-value', '{"db":{"passwd":"a\\"b"}}', '{"db":{"passwd":"[redacted:secret-value]"}}'],
  [
    'secret-value',
    '{\\"client_secret\\":\\"abcd1\\"}',
    '{\\"client_secret\\":\\"[redacted:secret-value]\\"}',
  ],
  ['secret-value', `/x?api_key=${OPAQUE}&y=1`, '/x?api_key=[redacted:secret-value]&y=1'],
  ['secret-value', `--token ${OPAQUE} -v`, '--token [redacted:secret-value] -v'],
  ['secret-value', '<password>hunter2</password>', '<password>[redacted:secret-value]</password>'],
  [
    'secret-value',
    '{"name":"DB_PASSWORD","value":"x1"}',
    '{"name":"DB_PASSWORD","value":"[redacted:secret-value]"}',
  ],
  ['payment-card', 'card 4111 1111 1111 1111.', 'card [redacted:payment-card].'],
  ['payment-card', 'pan=378282246310005', 'pan=[redacted:payment-card]'],
  ['email', 'To: <a.person+x@mail.firma.de>', 'To: <[redacted:email]>'],
  ['iban', 'to DE89 3704 0044 0532 0130 00.', 'to [redacted:iban].'],
  ['secret-value', Buffer.from('user=app password=hunter2').toString('base64'), '[redacted:secret-value]'],
];

describe('built-in rules', () => {
  it.each(HIDES)('%s hides what it should in %j', (rule, text, left) => {
    expect(hidden(text)).toBe(left);
    expect(redactor.text(text).hits.map((hit) => hit.rule)).toContain(rule);
  });

  it.each([
    'prompt_tokens: 512, max_tokens=4096, token_count=77',
    'password authentication failed for user "app"',
    'invalid token: unexpected end of input',
    `password=$\{DB_PASSWORD} token={{ token }} secret=***`,
    'const token = getToken(request)',
    'authorization: required, cookie: none',
    'key=value cache_key=v1 public_key=none primary_key=12',
    'getty@tty1.service user@1000.service icon@2x.png git@github.com:a/b.git',
    'GET https://packages.example/@types/node/-/node-24.1.0.tgz',
    'http://localhost:8080/@scope/pkg',
    'id 4111111111111112, 14111111111111111, 0.4111111111111111, a4111111111111111',
    '4111-1111-1111-1111-1111 is no card',
    'IBAN DE88 3704 0044 0532 0130 00 has wrong digits',
    '-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIU\n-----END CERTIFICATE-----',
    'commit 7940c65d1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d',
    '0c8f6a52-4f0e-4f6f-9d3c-0f8d6a1b2c3d at 2026-11-23T06:00:00.123456Z',
    `<img src="data:image/png;base64,iVBORw0KGgo${'AAAA'.repeat(20)}">`,
    'ghp_short AKIASHORT eyJ.eyJ sk-notakey',
  ])('leave %j as it is', (text) => {
    expect(redactor.text(text)).toEqual({ text, hits: [] });
  });

  it.each(BUILTIN_RULES.map(({ name }) => name))(
    '%s has an example here, and can be switched off',
    (name) => {
      const example = HIDES.find(([rule]) => rule === name);
      expect(example).toBeDefined();
      const without = createRedactor({ rules: [], disabled_builtin: [name] });
      expect(without.text(example?.[1] ?? '').hits.map(({ rule }) => rule)).not.toContain(name);
    },
  );

  it.each([
    'password',
    'PASSWORD',
    'Password',
    'db_password',
    'db-password',
    'dbPassword',
    'DB.PASSWORD',
    'PGPASSWORD',
    'api_key',
    'apiKey',
    'X-Api-Key',
    'APIKEY',
    'client_secret',
    'clientSecret',
    'access_token',
    'private_key',
    'credentials',
  ])('know %s with every separator', (key) => {
    const separators = ['=', ':', ': ', ' = ', '="', "='", '": "', '\\":\\"', '%3D', ' => ', ':="'];
    for (const separator of separators)
      expect(hidden(`a ${key}${separator}${OPAQUE} b`)).not.toContain(OPAQUE);
  });
});
