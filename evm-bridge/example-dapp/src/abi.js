// What the page uses of the contracts. `test/unit.test.mjs` compares it with what the compiler says.

/** The example client. */
export const COWSAY = [
  'function ask(string message, uint96 budget) returns (uint256 id)',
  'function askWithPermit(string message, uint96 budget, uint256 deadline, uint8 v, bytes32 r, bytes32 s) returns (uint256 id)',
  'function module() view returns (string)',
  'function location(uint256 id) view returns (string)',
  'function sayings(uint256 id) view returns (address asker, bool answered, uint8 status, int32 exitCode, bytes32 root)',
  'event Asked(uint256 indexed id, address indexed asker, string message)',
  'event Said(uint256 indexed id, bytes32 root, int32 exitCode)',
  'event Silent(uint256 indexed id, uint8 status, string reason)',
];

/** The gateway. */
export const GATEWAY = [
  'function resultOf(uint64 id) view returns (uint8 state, uint8 status, int32 exitCode, bytes32 root)',
  'function creditOf(address account) view returns (uint256)',
  'function withdraw(address account) returns (uint256 amount)',
  'function retryCallback(uint64 id)',
  'function limits() view returns (uint96 maxDeposit, uint96 maxLocked, uint96 outflowCap)',
  'function MIN_DEPOSIT() view returns (uint96)',
  'event Requested(uint64 indexed id, address indexed requester, bytes32 indexed ticket, address refundTo, uint96 budget, uint64 acceptBy, uint64 timeLimit, uint32 callbackGas, bytes32 delegate, string module, string[] inputs)',
  'event Answered(uint64 indexed id, address indexed requester, address indexed refundTo, bytes32 root, uint64 deal, uint8 status, int32 exitCode, uint96 cost, uint96 refund)',
  'error IntakeIsPaused()',
  'error BadAmount(uint256 amount, uint256 min, uint256 max)',
  'error GatewayFull(uint256 room)',
  'error InputsTooLong(uint256 length)',
  'error NothingToWithdraw(address account)',
  'error WrongState(uint8 state)',
  'error CallbackFailedAgain(bytes reason)',
];

/** LP: an ERC-20 with permits (EIP-2612). */
export const TOKEN = [
  'function balanceOf(address account) view returns (uint256)',
  'function allowance(address owner, address spender) view returns (uint256)',
  'function approve(address spender, uint256 amount) returns (bool)',
  'function nonces(address owner) view returns (uint256)',
  'function eip712Domain() view returns (bytes1 fields, string name, string version, uint256 chainId, address verifyingContract, bytes32 salt, uint256[] extensions)',
  'error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed)',
  'error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed)',
];

/** States of a request at the gateway, by their numbers. */
export const STATES = ['none', 'pending', 'answered', 'told', 'callbackFailed', 'exited'];

/** How a request ended, by the status byte of its answer, in words: `docs/bridge-messages.md`. */
export const STATUSES = [
  'completed',
  'the program could not be run',
  'it wrote more output than it may',
  'it used more memory than it may',
  'it used more disk than it may',
  'it ran longer than it may',
  'it reached the market too late',
  'the market has no such module',
  'the module does not take such inputs',
  'the budget is smaller than the least that such a job costs',
  'the market did not take it: it is paused, or over its limits',
  'no provider took it in time',
  'every provider that took it failed it',
  'the program or its inputs were not to be had',
  'it was cancelled',
  'mediators found the result wrong or withheld',
  'honest runs of the module gave different results',
  'a challenge was left undecided',
];

/** The status byte of a request that reached the market after its time. */
export const EXPIRED = 6;
