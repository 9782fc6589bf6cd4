/** The first system admin and the first organisation, made once on an empty database. */
import { type Database, StoreError, type Stores } from '#db';
import { createPasswords } from './passwords.ts';
import { type RandomBytes, randomBase62 } from './secrets.ts';
import { normalEmail } from './sign-in.ts';

const FIRST_ORGANIZATION = { slug: 'default', name: 'Default' } as const;
/** 119 bits, and still typed from a terminal without much pain. */
const ONE_TIME_PASSWORD_CHARS = 20;

export interface FirstAdmin {
  /** False where the database has people already; then nothing was changed but a missing organisation. */
  readonly created: boolean;
  readonly email: string;
  /** To be shown once; null where the password was given or nobody was created. */
  readonly oneTimePassword: string | null;
  /** `default`, or else the first organisation there is. */
  readonly organizationId: string;
}

/** A given password stays; a random one must be changed at the first sign-in. */
export async function ensureFirstAdmin(
  database: Database,
  input: { readonly email: string; readonly password: string | null; readonly random: RandomBytes },
): Promise<FirstAdmin> {
  const email = normalEmail(input.email);
  if ((await database.users.count()) > 0) {
    const organizationId = await database.transaction(ensureOrganization);
    return { created: false, email, oneTimePassword: null, organizationId };
  }
  const password = input.password ?? randomBase62(input.random, ONE_TIME_PASSWORD_CHARS);
  const oneTimePassword = input.password === null ? password : null;
  const passwordHash = await createPasswords(input.random).hash(password);
  try {
    return await database.transaction(async (stores) => {
      const organizationId = await ensureOrganization(stores);
      const user = await stores.users.create({
        email,
        name: 'Administrator',
        passwordHash,
        isSystemAdmin: true,
        mustChangePassword: oneTimePassword !== null,
      });
      await stores.audit.append({
        actor: 'system',
        ipAddress: null,
        orgId: null,
        action: 'user.create_first_admin',
        object: `user:${user.id}`,
        outcome: 'success',
        detail: { email },
      });
      return { created: true, email, oneTimePassword, organizationId };
    });
  } catch (error) {
    // Two processes started on one empty database: the other one made the account and knows its password.
    if (!(error instanceof StoreError) || error.code !== 'conflict') throw error;
    const organizationId = await database.transaction(ensureOrganization);
    return { created: false, email, oneTimePassword: null, organizationId };
  }
}

async function ensureOrganization({ organizations }: Stores): Promise<string> {
  const named = await organizations.findBySlug(FIRST_ORGANIZATION.slug);
  if (named !== null) return named.id;
  const [first] = (await organizations.list(null, { limit: 1 })).items;
  return (first ?? (await organizations.create(FIRST_ORGANIZATION))).id;
}
