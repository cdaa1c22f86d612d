// RE2, as this room uses it: the one place that knows its options and its string type.
#pragma once

#include <re2/re2.h>
#include <re2/set.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/text.h"
#include "match/regex_syntax.h"

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
  Engines(std::string_view pattern, bool case_sensitive)
      : state_{std::make_unique<State>(std::string{pattern}, case_sensitive, is_utf8(pattern))} {}

  // The engine that says whether the pattern can be compiled.
  const RE2& first() const { return engine(state_->utf8); }
  bool search(std::string_view value) const { return search(value, is_utf8(value)); }
  bool search(std::string_view value, bool utf8) const {
    return linear::search(engine(utf8 && state_->utf8), value);
  }

 private:
  static constexpr std::int64_t memory = 8 << 20;

  struct Engine {
    std::once_flag once{};
    std::unique_ptr<RE2> compiled{};
  };
  struct State {
    std::string pattern;
    bool case_sensitive, utf8;
    Engine characters{}, bytes{};
  };

  const RE2& engine(bool utf8) const {
    auto& engine = utf8 ? state_->characters : state_->bytes;
    std::call_once(engine.once, [&] {
      const auto translation = translate(state_->pattern, {.case_sensitive = state_->case_sensitive, .utf8 = utf8});
      engine.compiled = compile(translation->wide ? "[^\\x00-\\xff]" : translation->text, utf8, memory);
    });
    return *engine.compiled;
  }

  std::unique_ptr<State> state_;
};

}  // namespace policymux::linear
