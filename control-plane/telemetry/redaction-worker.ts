/** The thread of redaction tests: one text after the other. */
import { parentPort } from 'node:worker_threads';
import { createRedactor } from '#contract/redaction';
import type { RedactionAnswer, RedactionWork } from './redaction-test.ts';
import { ruleFault } from './rule-fault.ts';

function answer({ settings, text }: RedactionWork): RedactionAnswer {
  try {
    const redactor = createRedactor(settings);
    const startedAt = performance.now();
    const redacted = redactor.text(text);
    const micros = Math.round((performance.now() - startedAt) * 1000);
    return { kind: 'done', trial: { text: redacted.text, hits: redacted.hits, micros } };
  } catch (error) {
    const fault = ruleFault(error);
    if (fault === null) throw error;
    return { kind: 'rule', fault };
  }
}

parentPort?.on('message', (work: RedactionWork) => parentPort?.postMessage(answer(work)));
parentPort?.postMessage({ kind: 'ready' } satisfies RedactionAnswer);
