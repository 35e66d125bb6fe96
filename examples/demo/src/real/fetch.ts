import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Runs `npm run get:…` of the checkout; gives the path that it prints. It shows its own progress and can be interrupted. */
export function fetchBy(script: 'get-smollm2' | 'get-swahili', folder: string): Promise<string> {
  const program = fileURLToPath(new URL(`../../../../packages/moect/scripts/${script}.ts`, import.meta.url));
  const child = spawn(process.execPath, ['--conditions=@moect/source', '--import', 'tsx', program, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  child.stdout.on('data', (piece: Buffer) => {
    printed += piece.toString();
  });
  return new Promise((resolve, reject) => {
    child.once('close', (code, signal) => {
      if (code === 0) resolve(printed.trim());
      else
        reject(
          new Error(`Nothing was fetched (${signal ?? `exit code ${code}`}); the same command goes on.`),
        );
    });
  });
}
