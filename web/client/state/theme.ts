/** Light, dark, or as the system says; remembered in this browser. */
import { createStore, type Readable } from './store.ts';

export const THEMES = ['system', 'light', 'dark'] as const;
export type ThemeChoice = (typeof THEMES)[number];
const STORAGE_KEY = 'oc-theme';

export interface Theme extends Readable<ThemeChoice> {
  choose(choice: ThemeChoice): void;
}

export function createTheme(storage: Storage, root: HTMLElement): Theme {
  const stored = storage.getItem(STORAGE_KEY);
  const choice = createStore<ThemeChoice>(THEMES.find((theme) => theme === stored) ?? 'system');
  const apply = () => {
    if (choice.get() === 'system') delete root.dataset.theme;
    else root.dataset.theme = choice.get();
  };
  apply();
  return {
    ...choice,
    choose(next) {
      choice.set(next);
      storage.setItem(STORAGE_KEY, next);
      apply();
    },
  };
}
