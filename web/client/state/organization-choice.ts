/** Which organisation the console looks at: one, or all (null). Remembered in this browser. */
import { createStore, type Readable } from './store.ts';

const STORAGE_KEY = 'oc-organization';
const UUID = /^[0-9a-f-]{36}$/;

export interface OrganizationChoice extends Readable<string | null> {
  choose(organizationId: string | null): void;
}

export function createOrganizationChoice(storage: Storage): OrganizationChoice {
  const stored = storage.getItem(STORAGE_KEY);
  const choice = createStore<string | null>(stored !== null && UUID.test(stored) ? stored : null);
  return {
    ...choice,
    choose(organizationId) {
      choice.set(organizationId);
      if (organizationId === null) storage.removeItem(STORAGE_KEY);
      else storage.setItem(STORAGE_KEY, organizationId);
    },
  };
}
