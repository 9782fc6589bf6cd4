import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinRuleOf } from '../../../../agent/logs/config.ts';
import { createJoiner, type JoinLine, type JoinRule } from '../../../../agent/logs/joiner.ts';
import { readLine } from '../../../../agent/logs/read-line.ts';

const readAt = new Date('2026-11-23T06:00:05Z');
const lineOf = (text: string): JoinLine => {
  const { level, timestamp, isWhole } = readLine(text, readAt);
  return { text, level, hasTime: timestamp !== null, isWhole };
};
/** Numbers of lines of the records that a text becomes. */
function joined(text: string, rule: JoinRule = { kind: 'auto' }): number[] {
  const joiner = createJoiner<JoinLine>(rule);
  const records = text.split('\n').map((line) => joiner.push(lineOf(line), 0));
  return [...records, joiner.flush()].flatMap((record) => (record === null ? [] : [record.length]));
}

const JAVA = `2026-11-23 06:00:00,000 ERROR [main] c.e.App - failed
java.lang.IllegalStateException: no route
\tat com.example.App.run(App.java:10)
\tat com.example.App.main(App.java:5)
Caused by: java.io.IOException: refused
\tat com.example.Net.open(Net.java:7)
\t... 2 more
2026-11-23 06:00:01,000 INFO [main] c.e.App - next`;

const PYTHON = `2026-11-23 06:00:00,000 INFO before
Traceback (most recent call last):
  File "/app/a.py", line 3, in <module>
    run()
ValueError: no

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/a.py", line 5, in <module>
    stop()
KeyError: 'x'
after`;

const GO = `panic: runtime error: index out of range [3] with length 3

goroutine 1 [running]:
main.run(0x1)
\t/src/main.go:8 +0x1d
main.main()
\t/src/main.go:4 +0x18
exit status 2
2026/11/23 06:00:00 started`;

const NODE = `/app/index.js:3
  throw new Error('no');
  ^

Error: no
    at Object.<anonymous> (/app/index.js:3:9)
    at Module._compile (node:internal/modules/cjs/loader:1554:14)

Node.js v24.21.0
listening`;

describe('createJoiner', () => {
  it.each([
    ['Java', JAVA, [7, 1]],
    ['Python', PYTHON, [1, 11, 1]],
    ['Go', GO, [8, 1]],
    ['Node', NODE, [9, 1]],
    ['plain lines', 'a\nb\nc', [1, 1, 1]],
    ['JSON lines, also when the next is indented', '{"msg":"a"}\n {"msg":"b"}\n{"msg":"c"}', [1, 1, 1]],
    ['an indented list', 'packages:\n  a\n  b\ndone', [3, 1]],
  ])('joins %s', (_, text, expected) => {
    expect(joined(text)).toEqual(expected);
  });

  it('follows a pattern that says where a record begins, and joins nothing when told', () => {
    expect(joined('#1 a\nb\nc\n#2 d\ne', joinRuleOf({ start: '^#[0-9]+ ' }))).toEqual([3, 2]);
    expect(joined('a\n b\n c', joinRuleOf('off'))).toEqual([1, 1, 1]);
  });

  it('bounds a record by lines and by bytes, and loses none of them', () => {
    const frames = Array.from({ length: 1200 }, (_, index) => `  at f${index}`);
    expect(joined(['Error: deep', ...frames].join('\n'))).toEqual([500, 500, 201]);
    const wide = Array.from({ length: 4 }, () => `  ${'x'.repeat(6000)}`);
    expect(joined(['Error: wide', ...wide].join('\n'))).toEqual([3, 2]);
  });

  it('bounds a record by time', () => {
    const joiner = createJoiner<JoinLine>({ kind: 'auto' });
    joiner.push(lineOf('Error: slow'), 0);
    for (let atMs = 200; atMs < 1000; atMs += 200) expect(joiner.push(lineOf('  at f'), atMs)).toBeNull();
    expect(joiner.due(999)).toBeNull();
    expect(joiner.due(1000)?.length).toBe(5);
    joiner.push(lineOf('Error: paused'), 2000);
    expect(joiner.due(2299)).toBeNull();
    expect(joiner.due(2300)?.length).toBe(1);
  });

  it('gives every line once, in order, whatever comes', () => {
    const line = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(...[JAVA, PYTHON, GO, NODE].flatMap((text) => text.split('\n'))),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(line, fc.integer({ min: 0, max: 400 }))), (steps) => {
        const joiner = createJoiner<JoinLine>({ kind: 'auto' });
        let nowMs = 0;
        const given: string[] = [];
        for (const [text, waitMs] of steps) {
          nowMs += waitMs;
          for (const each of joiner.push(lineOf(text), nowMs) ?? []) given.push(each.text);
        }
        for (const each of joiner.flush() ?? []) given.push(each.text);
        const filled = (texts: readonly string[]) => texts.filter((text) => text !== '');
        expect(filled(given)).toEqual(filled(steps.map(([text]) => text)));
      }),
    );
  });
});
