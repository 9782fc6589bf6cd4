/** Secrets and keys as people see them; the same conditions as in use-cases.ts. */
import type { BodyOf, EncryptionView, MasterKeyView, QueryOf, SecretCheckReply, SecretView } from '#web-api';
import type { Listed, Person } from './use-cases.ts';

export interface SecretUseCases {
  list(person: Person, orgId: string, query: QueryOf<'secrets.list'>): Promise<Listed<SecretView>>;
  /** @throws 'request.invalid' naming the field, 'secret.path_invalid', 'secret.provider_unavailable', 'secret.too_many' */
  put(person: Person, orgId: string, name: string, body: BodyOf<'secrets.put'>): Promise<SecretView>;
  /** @throws 'secret.not_found' */
  delete(person: Person, orgId: string, name: string): Promise<void>;
  check(person: Person, orgId: string, body: BodyOf<'secrets.check'>): Promise<SecretCheckReply>;
  encryption(person: Person, orgId: string): Promise<EncryptionView>;
  /** @throws 'encryption.rotation_running' where too many keys wait for their rows to be sealed again */
  rotate(person: Person, orgId: string): Promise<EncryptionView>;
  master(person: Person): Promise<MasterKeyView>;
  rotateMaster(person: Person): Promise<MasterKeyView>;
}
