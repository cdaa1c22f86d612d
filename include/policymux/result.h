// Failure is a value, and it says where.
#pragma once

#include <cassert>
#include <string>
#include <utility>
#include <variant>

namespace policymux {

// What went wrong, and where. `line` and `column` count from 1; line 0: not from a file.
struct Error {
  std::string file{};
  int line = 0;
  int column = 0;
  std::string text{};
};

// "file:line:column: text", without the parts that are not known.
std::string to_string(const Error& error);

template <class E>
struct Unexpected {
  E error;
};
template <class E>
Unexpected(E) -> Unexpected<E>;

struct Ok {};

// A value or the reason why there is none: std::expected's spelling and meaning, for C++20.
// REQUIRES: operator* and operator-> only after a test for success, error() only after one for failure.
template <class T, class E = Error>
class [[nodiscard]] Result {
 public:
  Result(T value) : v_{std::in_place_index<0>, std::move(value)} {}
  template <class F>
  Result(Unexpected<F> u) : v_{std::in_place_index<1>, std::move(u.error)} {}

  explicit operator bool() const noexcept { return v_.index() == 0; }
  const T& operator*() const& { assert(*this); return *std::get_if<0>(&v_); }
  T& operator*() & { assert(*this); return *std::get_if<0>(&v_); }
  T&& operator*() && { assert(*this); return std::move(*std::get_if<0>(&v_)); }
  const T* operator->() const { assert(*this); return std::get_if<0>(&v_); }
  T* operator->() { assert(*this); return std::get_if<0>(&v_); }
  const E& error() const& { assert(!*this); return *std::get_if<1>(&v_); }
  E&& error() && { assert(!*this); return std::move(*std::get_if<1>(&v_)); }

 private:
  std::variant<T, E> v_;
};

}  // namespace policymux
