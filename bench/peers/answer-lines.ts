// What a peer's process does with its pipe: a JSON object a line in, one out.
import {createInterface} from 'node:readline';

/** Answers each line, errors as `{error}`, until the bench closes the pipe; then the process ends. */
export async function answerLines<Request>(
  answer: (request: Request) => object | Promise<object>,
): Promise<never> {
  for await (const line of createInterface({input: process.stdin})) {
    let reply: object;
    try {
      reply = await answer(JSON.parse(line));
    } catch (error) {
      reply = {error: (error as Error).message.slice(0, 300)};
    }
    process.stdout.write(`${JSON.stringify(reply)}\n`);
  }
  process.exit(0);
}
