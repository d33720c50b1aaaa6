// One CUDA block on one thread of the operating system: each CUDA thread is a fiber, which runs until it waits
// for others (block barrier, warp exchange); the scheduler then picks who goes on, in an order drawn from a seed.
#pragma once
#include <csetjmp>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>
#ifndef __x86_64__
#include <ucontext.h>
#endif

struct dim3 { unsigned x, y, z; dim3(unsigned a = 1, unsigned b = 1, unsigned c = 1) : x(a), y(b), z(c) {} };
struct uint3 { unsigned x, y, z; };

namespace shim {
constexpr int MAX_THREADS = 1024, WARP = 32, WORDS = 8, COPIES = 64, MASKS = 4;
constexpr size_t STACK = 64 << 10;

// ---- switching stacks ----
#ifdef __x86_64__
struct Context { void *sp; };
extern "C" __attribute__((visibility("hidden"))) void shim_switch(void **from, void *to);
asm(R"(.text
.globl shim_switch
.hidden shim_switch
shim_switch:
  pushq %rbp; pushq %rbx; pushq %r12; pushq %r13; pushq %r14; pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15; popq %r14; popq %r13; popq %r12; popq %rbx; popq %rbp
  ret)");
static inline void go(Context &from, Context &to) { shim_switch(&from.sp, to.sp); }
static void prepare(Context &c, char *stack, void (*entry)()) {
  void **sp = reinterpret_cast<void **>(stack + STACK - 64);
  *--sp = nullptr;                                       // keeps the stack aligned as after a call
  *--sp = reinterpret_cast<void *>(entry);
  for (int i = 0; i < 6; i++) *--sp = nullptr;           // the six saved registers
  c.sp = sp;
}
#else
struct Context { ucontext_t u; };
static inline void go(Context &from, Context &to) { swapcontext(&from.u, &to.u); }
static void prepare(Context &c, char *stack, void (*entry)()) {
  getcontext(&c.u);
  c.u.uc_stack.ss_sp = stack;
  c.u.uc_stack.ss_size = STACK;
  c.u.uc_link = nullptr;
  makecontext(&c.u, entry, 0);
}
#endif

// ---- state of the running block ----
enum State { FRESH, READY, AT_BARRIER, AT_WARP, DONE };
struct Fiber { Context context; char *stack; };
struct Copy { void *to; const void *from; int bytes, valid, group; };
struct Thread {
  State state;
  Fiber *fiber;
  int number;                                            // within the block
  uint3 index;
  const void *site;                                      // the barrier that it waits at
  const uint64_t *turns;                                 // the warp exchange that it waits for ...
  uint64_t turn;                                         // ... is over when this has changed
  int first_copy, copies_end, group;                     // cp.async: issued, not yet waited for
};
struct Exchange {                                        // one meeting of the lanes named by a mask
  unsigned mask, arrived;
  const void *site;
  uint64_t turn;
  uint64_t words[2][WARP][WORDS];                        // two: a fast lane may begin the next one
};

static Thread threads[MAX_THREADS], *current;
static Fiber fibers[MAX_THREADS];
static Copy copies[MAX_THREADS][COPIES];                 // apart: the scheduler walks over all threads
static Exchange exchanges[MAX_THREADS / WARP][MASKS];
static Context scheduler;
static int count, next_fresh, order[MAX_THREADS];
static int barrier_votes, barrier_result;
static dim3 grid_dim, block_dim;
static uint3 block_index;
static char *dynamic_shared;
static void (*body)(void *);
static void *body_argument;
static uint64_t random_state;
static bool shuffled;
static char message[256];
static volatile bool failed;
static sigjmp_buf escape;

extern "C" char __start_cu_shared[] __attribute__((weak, visibility("hidden")));
extern "C" char __stop_cu_shared[] __attribute__((weak, visibility("hidden")));

static inline uint64_t draw(uint64_t n) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (random_state >> 11) % n;
}
template <class Item> static void shuffle(Item *items, size_t n) {
  if (shuffled)
    for (size_t i = n; i > 1; i--) std::swap(items[i - 1], items[draw(i)]);
}

static inline void leave() { go(current->fiber->context, scheduler); }
static void note(const char *what) {                     // the first complaint counts
  if (!failed)
    snprintf(message, sizeof message, "%s (block %u,%u,%u thread %d)", what,
             block_index.x, block_index.y, block_index.z, current ? current->number : -1);
  failed = true;
}
[[gnu::noinline]] static void fail(const char *what) {
  note(what);
  if (current) leave();                                  // nobody resumes a fiber of a failed block
}

// ---- fibers ----
static void begin(Thread *t, Fiber *f) {
  unsigned n = t->number;
  t->fiber = f;
  t->index = {n % block_dim.x, n / block_dim.x % block_dim.y, n / (block_dim.x * block_dim.y)};
  t->state = READY;
  t->first_copy = t->copies_end = t->group = 0;
}
static void fiber_main() {                               // at the end of a thread it takes a fresh one
  for (;;) {
    body(body_argument);
    current->state = DONE;
    if (next_fresh == count || failed) leave();
    Thread *next = &threads[order[next_fresh++]];
    begin(next, current->fiber);
    current = next;
  }
}
static void resume(Thread *t) {
  current = t;
  t->state = READY;
  go(scheduler, t->fiber->context);
  current = nullptr;
}
static void spawn(Fiber *f, Thread *t) {
  if (!f->stack) f->stack = static_cast<char *>(aligned_alloc(64, STACK));
  prepare(f->context, f->stack, fiber_main);
  begin(t, f);
  resume(t);
}

// ---- scheduling ----
static bool runnable(const Thread &t) {
  return t.state == READY || (t.state == AT_WARP && *t.turns != t.turn);
}
static bool run_lanes(int warp) {                        // every lane that can go on, once, in a drawn order
  int start = shuffled ? draw(WARP) : 0, step = shuffled ? 2 * draw(WARP / 2) + 1 : 1;
  bool ran = false;
  for (int k = 0; k < WARP && !failed; k++) {
    int i = warp * WARP + (start + k * step) % WARP;
    if (i < count && runnable(threads[i])) {
      resume(&threads[i]);
      ran = true;
    }
  }
  return ran;
}
// Half of the warps, by a coin, run as far ahead as they can: that is what finds missing barriers.
static bool run_warps() {
  int warps = (count + WARP - 1) / WARP, turn[MAX_THREADS / WARP];
  for (int i = 0; i < warps; i++) turn[i] = i;
  shuffle(turn, warps);
  bool ran = false;
  for (int k = 0; k < warps && !failed; k++) {
    bool greedy = shuffled && draw(2);
    while (run_lanes(turn[k])) {
      ran = true;
      if (!greedy) break;
    }
  }
  return ran;
}
static bool release_barrier() {                          // true when all living threads have reached it
  const void *site = nullptr;
  for (int i = 0; i < count; i++) {
    Thread &t = threads[i];
    if (t.state == DONE) continue;
    if (t.state != AT_BARRIER) return false;
    if (site && site != t.site) fail("divergent __syncthreads: threads wait at different barriers");
    site = t.site;
  }
  barrier_result = barrier_votes;
  barrier_votes = 0;
  for (int i = 0; i < count; i++)
    if (threads[i].state == AT_BARRIER) threads[i].state = READY;
  return site != nullptr;
}
static bool finished() {
  for (int i = 0; i < count; i++)
    if (threads[i].state != DONE) return false;
  return true;
}
static void run_block(size_t dynamic_bytes) {            // shared memory is NaN at first
  memset(__start_cu_shared, 0xFF, __stop_cu_shared - __start_cu_shared);
  if (dynamic_bytes) memset(dynamic_shared, 0xFF, dynamic_bytes);
  for (int i = 0; i < count; i++) {
    threads[i].state = FRESH;
    threads[i].number = order[i] = i;
  }
  shuffle(order, count);
  memset(exchanges, 0, sizeof exchanges[0] * ((count + WARP - 1) / WARP));
  next_fresh = barrier_votes = 0;
  for (int used = 0; next_fresh < count && !failed; used++) {
    Thread *t = &threads[order[next_fresh++]];
    spawn(&fibers[used], t);
  }
  while (!failed && !finished()) {
    bool ran = run_warps();
    if (!failed && !release_barrier() && !ran && !finished())
      fail("deadlock: a barrier or warp operation that not all of its threads reach");
  }
}

// ---- what kernels call ----
static int barrier(const void *site, bool vote = false) {      // -> how many threads voted true
  barrier_votes += vote;
  current->state = AT_BARRIER;
  current->site = site;
  leave();
  return barrier_result;
}
static Exchange &meeting(unsigned mask) {
  for (Exchange &e : exchanges[current->number / WARP])
    if (e.mask == mask || !e.mask) {
      e.mask = mask;
      return e;
    }
  fail("more than 4 different masks in one warp");
  abort();
}
// All lanes of the mask deposit n words, wait for each other, and see all deposits.
static uint64_t (*exchange(unsigned mask, const void *site, const uint64_t *words, int n))[WORDS] {
  int lane = current->number % WARP, left = count - (current->number - lane);
  if (left < WARP && mask >> left) fail("a warp mask names lanes beyond the block");
  if (!(mask >> lane & 1)) fail("the calling lane is not in its warp mask");
  Exchange &e = meeting(mask);
  if (e.arrived && e.site != site) fail("divergent warp operation");
  e.site = site;
  auto *deposits = e.words[e.turn & 1];
  memcpy(deposits[lane], words, n * sizeof *words);
  e.arrived |= 1u << lane;
  if (e.arrived == mask) {
    e.arrived = 0;
    e.turn++;
  } else {
    current->turns = &e.turn;
    current->turn = e.turn;
    current->state = AT_WARP;
    leave();
  }
  return deposits;
}
// cp.async: garbage until it is waited for
static void copy_later(void *to, const void *from, int bytes, bool valid) {
  Thread *t = current;
  if (((uintptr_t)to | (uintptr_t)from) % bytes) fail("misaligned cp.async");
  if (t->copies_end - t->first_copy == COPIES) fail("more than 64 cp.async in flight in one thread");
  memset(to, 0xFF, bytes);
  copies[t->number][t->copies_end++ % COPIES] = {to, from, bytes, valid, t->group};
}
static void finish_copies(int keep) {                    // all but the newest `keep` groups
  Thread *t = current;
  for (; t->first_copy < t->copies_end; t->first_copy++) {
    Copy &c = copies[t->number][t->first_copy % COPIES];
    if (c.group >= t->group - keep) break;
    if (c.valid) memcpy(c.to, c.from, c.bytes);
    else memset(c.to, 0, c.bytes);
  }
}

// ---- running a grid ----
static void on_signal(int number) {
  note(number == SIGILL ? "misaligned access, or an index outside a fixed-size array"
       : number == SIGFPE ? "integer division by zero" : "access outside an array");
  siglongjmp(escape, 1);
}
struct Signals {                                         // the process' own handlers are back afterwards
  static constexpr int numbers[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
  struct sigaction before[4];
  Signals() {
    struct sigaction action = {};
    action.sa_handler = on_signal;
    for (int i = 0; i < 4; i++) sigaction(numbers[i], &action, &before[i]);
  }
  ~Signals() {
    for (int i = 0; i < 4; i++) sigaction(numbers[i], &before[i], nullptr);
  }
};
static void run_blocks(size_t dynamic_bytes) {
  size_t blocks = (size_t)grid_dim.x * grid_dim.y * grid_dim.z;
  size_t start = shuffled ? draw(blocks) : 0;            // blocks are in no order
  bool backwards = shuffled && draw(2);
  for (size_t k = 0; k < blocks && !failed; k++) {
    size_t b = (start + (backwards ? blocks - k : k)) % blocks;
    size_t row = b / grid_dim.x;
    block_index = {(unsigned)(b % grid_dim.x), (unsigned)(row % grid_dim.y), (unsigned)(row / grid_dim.y)};
    run_block(dynamic_bytes);
  }
}
static int run_grid(const unsigned *size, size_t dynamic_bytes, uint64_t seed) {
  static Signals *signals;
  failed = false;
  message[0] = 0;
  shuffled = seed;
  random_state = seed * 0x9E3779B97F4A7C15u | 1;
  grid_dim = dim3(size[0], size[1], size[2]);
  block_dim = dim3(size[3], size[4], size[5]);
  count = size[3] * size[4] * size[5];
  dynamic_shared = static_cast<char *>(aligned_alloc(128, (dynamic_bytes + 127) & ~(size_t)127));
  signals = new Signals;
  if (!sigsetjmp(escape, 1)) run_blocks(dynamic_bytes);
  delete signals;
  free(dynamic_shared);
  current = nullptr;
  return failed;
}
}  // namespace shim
