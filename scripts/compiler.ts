// The C++ compiler as CXX names it: a program, and what comes before its arguments (`ccache g++`).
const [program = 'g++', ...first] = (process.env.CXX ?? '').split(/\s+/).filter(Boolean);

export const compiler = {program, first, name: [program, ...first].join(' ')} as const;
