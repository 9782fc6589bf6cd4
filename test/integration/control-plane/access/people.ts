/** People of the tests' installation, as they are when they ask: memberships change under them. */
import { randomBytes } from 'node:crypto';
import type { Person } from '#control-plane';
import type { Role } from '#web-api';
import { openSession } from '../../../../control-plane/access/sessions.ts';
import { type Installation, originOf } from './installation.ts';

export interface Somebody {
  readonly userId: string;
  readonly email: string;
  /** Authenticated now, from this address. @throws AppError 'auth.required' where the session has ended */
  asks(ipAddress?: string): Promise<Person>;
}

let made = 0;

export async function somebody(
  { database, controlPlane }: Pick<Installation, 'database' | 'controlPlane'>,
  input: {
    readonly org?: { readonly id: string };
    readonly role?: Role;
    readonly groupIds?: readonly string[];
    readonly isSystemAdmin?: boolean;
  } = {},
): Promise<Somebody> {
  made += 1;
  const email = `somebody-${made}@example.org`;
  const user = await database.users.create({
    email,
    name: `Somebody ${made}`,
    passwordHash: 'none',
    isSystemAdmin: input.isSystemAdmin ?? false,
    mustChangePassword: false,
  });
  if (input.org !== undefined) {
    await database.users.addMember(input.org.id, user.id, input.role ?? 'org_member', input.groupIds ?? null);
  }
  const origin = originOf('192.0.2.1');
  const { sessionToken } = await openSession(database.sessions, {
    userId: user.id,
    origin,
    now: new Date(),
    random: randomBytes,
  });
  return {
    userId: user.id,
    email,
    asks: (ipAddress = '192.0.2.1') => controlPlane.access.authenticate(sessionToken, originOf(ipAddress)),
  };
}
