// The three values of a test, and what is still possible while answers are missing.
#pragma once

#include <array>
#include <cstdint>

namespace policymux {

// The set of outcomes that a test can still have. Kept twice: `now`, where a failed look-up is UNKNOWN, and
// `answered`, what could have been had every look-up been answered. The second tells a line that did not match
// from one that failed to match only because a look-up failed. Open: answers that are still out may change
// one set or the other.
class Truth {
 public:
  static constexpr Truth no() { return {F, F, false}; }
  static constexpr Truth yes() { return {T, T, false}; }
  static constexpr Truth unknown() { return {U, U, false}; }     // the attribute is not known at this state
  static constexpr Truth failed() { return {U, F | T, false}; }  // we asked, and got no answer
  static constexpr Truth open() { return {F | U | T, F | T, true}; }  // not asked or not answered yet

  constexpr bool is_true() const { return now_ == T; }
  constexpr bool is_false() const { return now_ == F; }
  constexpr bool is_unknown() const { return now_ == U; }
  constexpr bool is_open() const { return open_; }
  constexpr bool may_be_true() const { return (now_ & T) != 0; }
  // Could it have been true had every look-up been answered?
  constexpr bool might_have_been_true() const { return (answered_ & T) != 0; }
  // Is it UNKNOWN because a look-up failed?
  constexpr bool is_failed() const { return !open_ && now_ == U && answered_ != U; }

  constexpr Truth operator!() const { return {swapped(now_), swapped(answered_), open_}; }
  // Kleene's, member by member: F < U < T, `and` is the least, `or` the greatest.
  friend constexpr Truth operator&(Truth a, Truth b) { return combine<false>(a, b); }
  friend constexpr Truth operator|(Truth a, Truth b) { return combine<true>(a, b); }
  friend constexpr bool operator==(Truth, Truth) = default;

 private:
  static constexpr std::uint8_t F = 1, U = 2, T = 4;
  constexpr Truth(int now, int answered, bool open)
      : now_{static_cast<std::uint8_t>(now)}, answered_{static_cast<std::uint8_t>(answered)}, open_{open} {}

  static constexpr bool single(int set) { return (set & (set - 1)) == 0; }

  static constexpr int swapped(int set) { return (set & F ? T : 0) | (set & U) | (set & T ? F : 0); }

  template <bool Greatest>
  static constexpr int members(int a, int b) {
    int set = 0;
    for (const int x : {F, U, T}) {
      for (const int y : {F, U, T}) {
        if ((a & x) != 0 && (b & y) != 0) set |= (x > y) == Greatest ? x : y;
      }
    }
    return set;
  }
  template <bool Greatest>
  static constexpr auto table = [] {
    std::array<std::array<std::uint8_t, 8>, 8> sets{};
    for (int a = 0; a < 8; ++a) {
      for (int b = 0; b < 8; ++b) {
        sets[std::size_t(a)][std::size_t(b)] = static_cast<std::uint8_t>(members<Greatest>(a, b));
      }
    }
    return sets;
  }();
  template <bool Greatest>
  static constexpr Truth combine(Truth a, Truth b) {
    const int now = table<Greatest>[a.now_][b.now_], answered = table<Greatest>[a.answered_][b.answered_];
    return {now, answered, (a.open_ || b.open_) && !(single(now) && single(answered))};
  }

  std::uint8_t now_, answered_;
  bool open_;
};

}  // namespace policymux
