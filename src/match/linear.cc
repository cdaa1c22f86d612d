#include "match/linear.h"

#include <mutex>

#include "base/text.h"
#include "match/regex_syntax.h"

namespace policymux::linear {
namespace {

constexpr std::int64_t memory = 8 << 20;

}  // namespace

struct Engines::State {
  struct Engine {
    std::once_flag once{};
    std::unique_ptr<RE2> compiled{};
  };

  const RE2& engine(bool for_utf8) {
    auto& engine = for_utf8 ? characters : bytes;
    std::call_once(engine.once, [&] {
      const auto translation = translate(pattern, {.case_sensitive = case_sensitive, .utf8 = for_utf8});
      engine.compiled = compile(translation->wide ? "[^\\x00-\\xff]" : translation->text, for_utf8, memory);
    });
    return *engine.compiled;
  }

  std::string pattern;
  bool case_sensitive, utf8;
  Engine characters{}, bytes{};
};

Engines::Engines(std::string_view pattern, bool case_sensitive)
    : state_{std::make_unique<State>(std::string{pattern}, case_sensitive, is_utf8(pattern))} {}
Engines::Engines(Engines&&) noexcept = default;
Engines& Engines::operator=(Engines&&) noexcept = default;
Engines::~Engines() = default;

const RE2& Engines::first() const { return state_->engine(state_->utf8); }

bool Engines::search(std::string_view value) const { return search(value, is_utf8(value)); }

bool Engines::search(std::string_view value, bool utf8) const {
  return linear::search(state_->engine(utf8 && state_->utf8), value);
}

}  // namespace policymux::linear
