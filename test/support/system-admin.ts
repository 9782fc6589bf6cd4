/** A system admin, for tests and bars that ask the control plane without signing in. */
import type { Person } from '#control-plane';

export const SYSTEM_ADMIN: Person = {
  kind: 'person',
  userId: '00000000-0000-4000-8000-000000000001',
  email: 'root@example.com',
  isSystemAdmin: true,
  mustChangePassword: false,
  mustEnrollTotp: false,
  roles: new Map(),
  groups: new Map(),
  barred: new Map(),
  apiKey: null,
  csrfToken: '',
  sessionTokenHash: '',
  origin: { ipAddress: null, userAgent: null, requestId: 'test' },
};
