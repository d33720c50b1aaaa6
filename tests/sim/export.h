// How Python calls a kernel: its signature as text, and a launch that unpacks pointers to arguments.
#pragma once
#include "shim.h"

struct float16;
struct bfloat16;
namespace shim {
// one letter a type, as NumPy spells it; V: a struct (by value) or untyped memory; v: bfloat16, of NumPy's dtype V2
template <class V> constexpr char letter() {
  using U = std::remove_cv_t<V>;
  if (std::is_same<U, bool>::value) return '?';
  if (std::is_same<U, float>::value) return 'f';
  if (std::is_same<U, double>::value) return 'd';
  if (std::is_same<U, float16>::value) return 'e';
  if (std::is_same<U, bfloat16>::value) return 'v';
  if (!std::is_integral<U>::value) return 'V';
  constexpr char kinds[2][5] = {"BHIQ", "bhiq"};
  return kinds[std::is_signed<U>::value][sizeof(U) == 1 ? 0 : sizeof(U) == 2 ? 1 : sizeof(U) == 4 ? 2 : 3];
}
template <class V> struct Describe {
  static void to(char *out) { *out++ = ' '; *out++ = letter<V>(); *out = 0; }
};
template <class V> struct Describe<V *> {
  static void to(char *out) { *out++ = 'P'; *out++ = letter<V>(); *out = 0; }
};
template <class... A> void describe(void (*)(A...), char *out, int *sizes) {
  int k = 0;
  ((Describe<std::remove_cv_t<A>>::to(out + 2 * k), sizes[k++] = sizeof(A)), ...);
}
template <class... A> struct Call {
  void (*kernel)(A...);
  void **arguments;
  template <size_t... I> void unpack(std::index_sequence<I...>) {
    kernel(*static_cast<std::remove_reference_t<A> *>(arguments[I])...);
  }
};
template <class... A>
int run(void (*kernel)(A...), const unsigned *size, size_t dynamic_bytes, uint64_t seed, void **arguments) {
  Call<A...> call{kernel, arguments};
  body = [](void *p) { static_cast<Call<A...> *>(p)->unpack(std::index_sequence_for<A...>{}); };
  body_argument = &call;
  return run_grid(size, dynamic_bytes, seed);
}
}  // namespace shim

#define SHIM_EXPORT(kernel) \
  extern "C" int kernel##__launch(const unsigned *size, size_t bytes, uint64_t seed, void **arguments) { \
    return shim::run(kernel, size, bytes, seed, arguments); \
  } \
  extern "C" void kernel##__describe(char *out, int *sizes) { shim::describe(kernel, out, sizes); }
extern "C" const char *shim_message() { return shim::message; }
