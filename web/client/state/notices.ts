/** Short messages at the edge of the screen; said to screen readers as well. */
import { createStore, type Readable } from './store.ts';

export interface Notice {
  readonly id: number;
  readonly tone: 'success' | 'danger' | 'info';
  readonly text: string;
}
export interface Notices extends Readable<readonly Notice[]> {
  say(tone: Notice['tone'], text: string): void;
  dismiss(id: number): void;
}

/** More at once would cover the page. */
const MAX_NOTICES = 4;
const SHOWN_MS = 5000;
/** An error is read more slowly than a confirmation. */
const DANGER_SHOWN_MS = 9000;

export function createNotices(): Notices {
  const notices = createStore<readonly Notice[]>([]);
  let lastId = 0;
  const dismiss = (id: number) => notices.set(notices.get().filter((notice) => notice.id !== id));
  return {
    ...notices,
    dismiss,
    say(tone, text) {
      const id = ++lastId;
      notices.set([...notices.get(), { id, tone, text }].slice(-MAX_NOTICES));
      setTimeout(() => dismiss(id), tone === 'danger' ? DANGER_SHOWN_MS : SHOWN_MS);
    },
  };
}
