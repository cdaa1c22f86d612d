// Regular expressions as text: Python's syntax read, and said again in the words of the engines.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <policymux/result.h>

namespace policymux {

// What a pattern is compiled for.
struct Dialect {
  bool case_sensitive = false;
  bool utf8 = true;  // else a byte is a character, and case folding is for patterns that are pure ASCII
};

// A pattern as RE2, or else PCRE2, reads it.
struct Translation {
  std::string text{};
  bool backtracking = false;  // uses what cannot be matched in linear time: PCRE2's
  bool wide = false;          // bytes only: asks for a character beyond 0xff, so no value can match
  // Every match contains one of these texts, lower case ASCII. Empty: nothing is known.
  std::vector<std::string> required{};
  // Its characters, classes and references, each as often as counted repetitions repeat it: the states that an
  // automaton may be in at once, up to a constant.
  std::uint64_t size = 0;
};

// Python's re, as far as it goes: names, comments, verbose mode and flags are resolved here; \d \s \w are
// ASCII; possessive and atomic groups, look-around, references and conditions make it `backtracking`. What
// Python refuses is refused, and so are the extensions of the engines; the error quotes the piece.
// `backtracking`: translate for PCRE2 in any case.
Result<Translation, std::string> translate(std::string_view pattern, Dialect dialect, bool backtracking = false);

}  // namespace policymux
