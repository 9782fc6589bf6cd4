/** C5: 200 parallel HTTP claims of a one-use token, each with an own key and hardware, give exactly one certificate. */
import { createCsr, createKeyPair } from '#certs/csr';
import { startRealStack } from '../../integration/web-server/real-stack.ts';
import { startTestServer } from '../../support/database-server.ts';

const CLAIMS = 200;
const REFUSALS: readonly number[] = [401, 429];

const server = await startTestServer();
const stack = await startRealStack();
try {
  const { id: orgId } = await stack.database.organizations.create({ slug: 'acme', name: 'Acme' });
  const session = await stack.openSession(
    await stack.addUser({ email: 'root@example.com', isSystemAdmin: true }),
  );
  const created = await stack.web.call(`${stack.web.httpUrl}/api/v1/admin/edge/registration-tokens`, {
    method: 'POST',
    headers: { cookie: session.cookie, 'x-csrf-token': session.csrfToken },
    body: { organization_id: orgId, max_uses: 1 },
  });
  const token = textOf(created.json(), 'token');
  const csrs = Array.from({ length: CLAIMS }, () => createCsr(createKeyPair().privateKeyPem));

  const answers = await Promise.all(
    csrs.map((csr, index) =>
      stack.web.call(`${stack.web.httpsUrl}/api/v1/edge/devices/register`, {
        method: 'POST',
        body: {
          device_name: `claimant ${index}`,
          device_type: 'gateway',
          hardware_id: `hardware-${index}`,
          firmware_version: '1.0.0',
          registration_token: token,
          csr,
        },
      }),
    ),
  );

  const won = answers.filter(({ text }) => text.includes('BEGIN CERTIFICATE'));
  const odd = answers.filter(({ status }) => status !== 201 && !REFUSALS.includes(status));
  const { total: devices } = await stack.database.devices.list(orgId, {}, { limit: 1 });
  console.log(`token-claims: ${won.length} certificate of ${CLAIMS} claims (${devices})`);
  for (const { status, text } of odd.slice(0, 3)) console.error(`unexpected answer ${status}: ${text}`);
  process.exitCode = won.length === 1 && devices === 1 && odd.length === 0 ? 0 : 1;
} finally {
  await stack.stop();
  await server.stop();
}

function textOf(value: unknown, name: string): string {
  const field = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  const text: unknown = field.find(([key]) => key === name)?.[1];
  if (typeof text !== 'string') throw new Error(`${name} is missing: ${JSON.stringify(value)}`);
  return text;
}
