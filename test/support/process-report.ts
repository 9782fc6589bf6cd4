/** What a child of the supervisor says and hears: ready, fatal, stop. Same words as control-plane/supervisor/child.ts. */

/** Warnings and errors as one JSON line on standard error. */
const line =
  (level: string) =>
  (fields: object, text: string): void => {
    const plain = Object.fromEntries(
      Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? value.message : value]),
    );
    process.stderr.write(`${JSON.stringify({ level, text, ...plain })}\n`);
  };
const ignore = (): void => undefined;
export const consoleLog = { debug: ignore, info: ignore, warn: line('warn'), error: line('error') };

/** Starts, says `ready`, and stops on the parent's word or when the parent is gone. */
export async function runProcess(start: () => Promise<{ stop(): Promise<void> }>): Promise<void> {
  try {
    const running = await start();
    const stop = (): void => {
      void running.stop().finally(() => process.exit(0));
    };
    process.on('message', stop);
    process.on('disconnect', stop);
    process.send?.({ type: 'ready' });
  } catch (error) {
    process.send?.({ type: 'fatal', message: error instanceof Error ? error.message : String(error) });
    process.exitCode = 1;
    process.disconnect?.();
  }
}
