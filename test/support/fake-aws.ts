/**
 * A server that speaks the JSON 1.1 protocol of AWS KMS and AWS Secrets Manager as far as we use it, and verifies the
 * SigV4 signature of each request. Written from the public documents; it is not AWS.
 */
import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export const ACCESS_KEY_ID = 'AKIATEST0000000000';
export const SECRET_ACCESS_KEY = 'secret-access-key-of-the-test';
export const KMS_KEY_ID = 'alias/ops-center-edge';

export interface FakeAws {
  readonly address: string;
  /** Secrets Manager: id → SecretString. */
  readonly secrets: Map<string, string>;
  readonly requests: { target: string; status: number; signed: boolean }[];
  /** Error types of the next requests, such as `ThrottlingException`. */
  readonly faults: string[];
  stop(): Promise<void>;
}

export async function startFakeAws(): Promise<FakeAws> {
  const masterKey = randomBytes(32);
  const secrets: FakeAws['secrets'] = new Map();
  const requests: FakeAws['requests'] = [];
  const faults: string[] = [];

  function answer(target: string, body: Record<string, unknown>): [number, unknown] {
    const associated = Buffer.from(JSON.stringify(sorted(body.EncryptionContext)));
    if (target === 'TrentService.Encrypt') {
      if (body.KeyId !== KMS_KEY_ID) return [400, { __type: 'NotFoundException' }];
      const iv = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', masterKey, iv);
      cipher.setAAD(associated);
      const text = [cipher.update(Buffer.from(String(body.Plaintext), 'base64')), cipher.final()];
      const blob = Buffer.concat([iv, ...text, cipher.getAuthTag()]).toString('base64');
      return [200, { CiphertextBlob: blob, KeyId: KMS_KEY_ID, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' }];
    }
    if (target === 'TrentService.Decrypt') {
      const bytes = Buffer.from(String(body.CiphertextBlob), 'base64');
      const decipher = createDecipheriv('aes-256-gcm', masterKey, bytes.subarray(0, 12));
      decipher.setAAD(associated);
      try {
        decipher.setAuthTag(bytes.subarray(-16));
        const text = Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]);
        return [200, { Plaintext: text.toString('base64'), KeyId: KMS_KEY_ID }];
      } catch {
        return [400, { __type: 'InvalidCiphertextException' }];
      }
    }
    if (target === 'secretsmanager.GetSecretValue') {
      const text = secrets.get(String(body.SecretId));
      if (text === undefined) return [400, { __type: 'ResourceNotFoundException' }];
      return [200, { Name: body.SecretId, SecretString: text, VersionId: 'v1' }];
    }
    return [400, { __type: 'UnknownOperationException' }];
  }

  const server = createServer((request, response) => {
    void readBody(request).then((text) => {
      const target = String(request.headers['x-amz-target']);
      const signed = isSigned(request, text);
      const fault = faults.shift();
      const [status, reply] = !signed
        ? [403, { __type: 'InvalidSignatureException' }]
        : fault === undefined
          ? answer(target, JSON.parse(text))
          : [400, { __type: fault }];
      requests.push({ target, status, signed });
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(reply));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ secrets, requests, faults },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Signature version 4, computed again from the request as it came. */
function isSigned(request: IncomingMessage, body: string): boolean {
  const authorization = String(request.headers.authorization ?? '');
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      authorization,
    );
  if (match === null) return false;
  const [, keyId = '', date = '', region = '', service = '', signedHeaders = '', signature] = match;
  if (keyId !== ACCESS_KEY_ID) return false;
  const headers = signedHeaders
    .split(';')
    .map((name) => `${name}:${String(request.headers[name] ?? '').trim()}\n`);
  const canonical = [
    ...[request.method, request.url, '', headers.join(''), signedHeaders, sha256(body)],
  ].join('\n');
  const scope = `${date}/${region}/${service}/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', request.headers['x-amz-date'], scope, sha256(canonical)].join('\n');
  let key: Buffer = Buffer.from(`AWS4${SECRET_ACCESS_KEY}`);
  for (const part of [date, region, service, 'aws4_request']) key = hmac(key, part);
  return hmac(key, toSign).toString('hex') === signature;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

function sorted(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
    : [];
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}
