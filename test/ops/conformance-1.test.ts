import {conformance} from '../conformance/suite.ts';

conformance(1, 4);
