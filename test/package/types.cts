// A CommonJS consumer sees the same types.
import chainrule = require('chainrule');

export const create: typeof chainrule.sequential = chainrule.sequential;
