// A pole on a cart (Barto, Sutton and Anderson 1983): it falls unless the cart is pushed to the right side.

/** Place and speed of the cart, angle of the pole and how fast that changes. */
export type State = readonly [place: number, speed: number, angle: number, turn: number];

const [gravity, cartMass, poleMass, halfPole, force, seconds] = [9.8, 1, 0.1, 0.5, 10, 0.02];

/** The state a fiftieth of a second later. */
export function moved([place, speed, angle, turn]: State, toTheRight: boolean): State {
  const mass = cartMass + poleMass;
  const push = (toTheRight ? force : -force) + poleMass * halfPole * turn ** 2 * Math.sin(angle);
  const fall = gravity * Math.sin(angle) - (Math.cos(angle) * push) / mass;
  const turning = fall / (halfPole * (4 / 3 - (poleMass * Math.cos(angle) ** 2) / mass));
  const pushing = (push - poleMass * halfPole * turning * Math.cos(angle)) / mass;
  return [
    place + seconds * speed,
    speed + seconds * pushing,
    angle + seconds * turn,
    turn + seconds * turning,
  ];
}

/** Whether the pole has fallen, or the cart has left its track. */
export const isOver = ([place, , angle]: State): boolean => Math.abs(place) > 2.4 || Math.abs(angle) > 0.21;
