import {conformance} from '../conformance/suite.ts';

conformance(3, 4);
