// RE2, as this room uses it: the one place that knows its options and its string type.
#pragma once

#include <re2/re2.h>
#include <re2/set.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace policymux::linear {

// RE2 of Debian 12 takes its own StringPiece, later ones absl::string_view.
#if __has_include(<re2/stringpiece.h>)
using Text = re2::StringPiece;
#else
using Text = absl::string_view;
#endif
inline Text text(std::string_view view) {
  return {view.data(), view.size()};
}

// Translations carry their own case flags and capture nothing.
inline RE2::Options options(bool utf8, std::int64_t memory) {
  RE2::Options options;
  options.set_encoding(utf8 ? RE2::Options::EncodingUTF8 : RE2::Options::EncodingLatin1);
  options.set_log_errors(false);
  options.set_never_capture(true);
  options.set_max_mem(memory);
  return options;
}

// Compiled or not: ok() says it.
inline std::unique_ptr<RE2> compile(const std::string& translation, bool utf8, std::int64_t memory) {
  // RE2 looks for a literal that every match begins with before it runs its automaton, and forgets that it is
  // Latin-1 where it factored it out of alternatives ("\xe9|\xe9@"): a beginning of anything prevents that.
  return std::make_unique<RE2>(utf8 ? translation : "(?s:.)*?(?:" + translation + ")", options(utf8, memory));
}

inline bool search(const RE2& engine, std::string_view value) {
  return engine.Match(text(value), 0, value.size(), RE2::UNANCHORED, nullptr, 0);
}

// One pattern: an engine for values that are UTF-8 and one for the others, each compiled when it is first needed.
//   Threads  any.
class Engines {
 public:
  Engines(std::string_view pattern, bool case_sensitive);
  Engines(Engines&&) noexcept;
  Engines& operator=(Engines&&) noexcept;
  ~Engines();

  // The engine that says whether the pattern can be compiled.
  const RE2& first() const;
  bool search(std::string_view value) const;
  bool search(std::string_view value, bool utf8) const;  // for who knows already whether it is UTF-8

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace policymux::linear
