import { Environment, Interpreter, Template } from '@huggingface/jinja';
import {
  type ChatMessage,
  CorruptDataError,
  InvalidConfigError,
  isJsonObject,
  type JsonObject,
} from '@moect/core';

/** Renders a conversation as text. */
export type RenderChat = (messages: readonly ChatMessage[], addGenerationPrompt: boolean) => string;

const PLACE = 'chat_template';

/** The template of tokenizer_config.json: a text, or several with names, of which `default` is meant. */
export function templateOf(config: JsonObject): string | null {
  const given = config[PLACE];
  if (given === undefined || given === null) return null;
  if (typeof given === 'string') return given;
  const list = Array.isArray(given) ? given.filter(isJsonObject) : [];
  const chosen = list.find(({ name }) => name === 'default') ?? (list.length === 1 ? list[0] : undefined);
  if (typeof chosen?.['template'] === 'string') return chosen['template'];
  throw new CorruptDataError(
    'tokenizer_config.json',
    `${PLACE} is neither a text nor a list with a template named 'default'`,
    'Put the template that is meant into chat_template.jinja.',
  );
}

/**
 * The day that templates are told, so that a conversation has the same tokens on any day; it is the one that the
 * templates of Llama 3 take where they are told none.
 */
const TODAY: Readonly<Record<string, string>> = {
  '%Y': '2024',
  '%m': '07',
  '%d': '26',
  '%b': 'Jul',
  '%B': 'July',
  '%H': '00',
  '%M': '00',
  '%S': '00',
  '%%': '%',
};

const clock = (format: string): string => format.replace(/%[YmdbBHMS%]/g, (code) => TODAY[code]!);

/** What every template may call, as in transformers (`_compile_jinja_template`). */
function environment(): Environment {
  const env = new Environment();
  for (const name of ['true', 'True']) env.set(name, true);
  for (const name of ['false', 'False']) env.set(name, false);
  for (const name of ['none', 'None']) env.set(name, null);
  env.set('range', range);
  env.set('raise_exception', (message: string) => {
    throw new Error(message);
  });
  // the library's own clock would give other tokens tomorrow
  env.set('strftime_now', clock);
  return env;
}

/** Python's `range`. */
function range(first: number, second?: number, step = 1): number[] {
  const [start, end] = second === undefined ? [0, first] : [first, second];
  return Array.from({ length: Math.max(0, Math.ceil((end - start) / step)) }, (_, i) => start + i * step);
}

/**
 * Parses a chat template. The renderer throws InvalidConfigError where the template refuses a conversation.
 * @param tokens texts of the special tokens by their names in templates, such as `bos_token`
 * Throws CorruptDataError.
 */
export function parseChatTemplate(source: string, tokens: Readonly<Record<string, string>>): RenderChat {
  let template: Template;
  try {
    template = new Template(source);
  } catch (cause) {
    const reason = `is no Jinja template (${(cause as Error).message})`;
    throw new CorruptDataError(PLACE, reason, 'Fetch the file again.', cause);
  }
  return (messages, addGenerationPrompt) => {
    const env = environment();
    env.set(
      'messages',
      messages.map(({ role, content }) => ({ role, content })),
    );
    env.set('add_generation_prompt', addGenerationPrompt);
    for (const [name, text] of Object.entries(tokens)) env.set(name, text);
    try {
      return (new Interpreter(env).run(template.parsed) as { readonly value: string }).value;
    } catch (cause) {
      const message = `are refused by the model's chat template: ${(cause as Error).message}`;
      throw new InvalidConfigError('Conversation', [{ path: 'messages', message }]);
    }
  };
}
