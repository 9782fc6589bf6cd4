/** Store of people as the installation's admins see them, over all organisations. */
import type { Page, PageRequest } from './page.ts';
import type { Role } from './people.ts';

export interface Account {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly isSystemAdmin: boolean;
  readonly disabled: boolean;
  /** An outside identity provider's; null for a local account. */
  readonly issuer: string | null;
  readonly createdAt: Date;
  readonly lastLoginAt: Date | null;
  /** By name. */
  readonly organizations: readonly { id: string; name: string; role: Role }[];
}
export interface AccountStore {
  /** People, no service accounts. `search`: in e-mail or name, without case. By e-mail. */
  list(filter: { readonly search?: string }, page: PageRequest): Promise<Page<Account>>;
  find(userId: string): Promise<Account | null>;
  update(
    userId: string,
    changes: { readonly name?: string; readonly disabled?: boolean; readonly isSystemAdmin?: boolean },
  ): Promise<void>;
  /** Ids of the system admins that can sign in, locked until the transaction ends. */
  lockSystemAdmins(): Promise<readonly string[]>;
}
