import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { HubError } from '../src/hub/hub-error.ts';

const PROGRAM =
  "from pip._internal.commands import create_command; print(create_command('download').parser.get_default_values().index_url)";

/** Address of the Python package index: PIP_INDEX_URL, else the one that pip itself would use. Throws HubError. */
export async function indexOfPip(): Promise<string> {
  const { PIP_INDEX_URL: given } = process.env;
  if (given) return given;
  try {
    const { stdout } = await promisify(execFile)('python3', ['-c', PROGRAM]);
    return stdout.trim();
  } catch {
    throw new HubError(
      'No Python package index is known: PIP_INDEX_URL is not set, and there is no pip to ask.',
      'Set PIP_INDEX_URL to the address of an index (it ends in /simple), or install pip.',
      false,
    );
  }
}
