#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "base/text.h"
#include "match/backtracking.h"
#include "match/linear.h"
#include "match/regex.h"
#include "match/shape.h"

namespace policymux {

namespace {

constexpr std::size_t longest_pattern = 32'768;

void append_quoted(std::string& out, std::string_view text) {
  for (const char c : text) {
    const bool is_plain = is_digit(c) || c == '_' || is_letter(c) || !is_ascii(c);
    if (!is_plain) out += '\\';
    out += c;
  }
}

bool too_large(const RE2& engine) {
  return engine.error_code() == RE2::ErrorRepeatSize || engine.error_code() == RE2::ErrorPatternTooLarge;
}

}  // namespace

struct Pattern::Compiled {
  std::string text;
  bool case_sensitive;
  std::variant<linear::Engines, Backtracker> engine;
};

Result<Pattern, std::string> Pattern::parse(std::string_view text, bool case_sensitive) {
  if (text.size() > longest_pattern) return Unexpected{fmt::format("longer than {} bytes", longest_pattern)};
  const bool utf8 = is_utf8(text);
  const auto translation = translate(text, {.case_sensitive = case_sensitive, .utf8 = utf8});
  if (!translation) return Unexpected{translation.error()};
  const auto made = [&](auto engine) {
    return Pattern{std::make_unique<Compiled>(Compiled{std::string{text}, case_sensitive, std::move(engine)})};
  };
  if (!translation->backtracking) {
    linear::Engines engine{text, case_sensitive};
    const bool is_plain = shape_of(text).kind != Shape::Kind::none;  // most are, and need not be compiled to be right
    if (is_plain || engine.first().ok()) return made(std::move(engine));
    if (!too_large(engine.first())) return Unexpected{engine.first().error()};
  }
  auto engine =
      Backtracker::compile(translate(text, {.case_sensitive = case_sensitive, .utf8 = utf8}, true)->text, utf8);
  if (!engine) return Unexpected{engine.error()};
  return made(*std::move(engine));
}

Pattern::Pattern(std::unique_ptr<Compiled> compiled) : compiled_{std::move(compiled)} {}
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;
Pattern::~Pattern() = default;

Engine Pattern::engine() const {
  return std::holds_alternative<linear::Engines>(compiled_->engine) ? Engine::linear : Engine::backtracking;
}
const std::string& Pattern::text() const {
  return compiled_->text;
}
bool Pattern::case_sensitive() const {
  return compiled_->case_sensitive;
}

Found Pattern::search(std::string_view value) const {
  if (const auto* backtracker = std::get_if<Backtracker>(&compiled_->engine)) return backtracker->search(value);
  return std::get<linear::Engines>(compiled_->engine).search(value) ? Found::yes : Found::no;
}

std::optional<std::string> Pattern::constant() const {
  auto found = shape();
  if (found.kind != Shape::Kind::exact) return std::nullopt;
  return std::move(found.text);
}

Engine engine_of(std::string_view text, bool case_sensitive) {
  constexpr std::uint64_t never_too_large = 1000;  // an automaton may have a hundred times as many states
  const auto translation = translate(text, {.case_sensitive = case_sensitive, .utf8 = is_utf8(text)});
  if (translation && translation->backtracking) return Engine::backtracking;
  if (!translation || translation->size <= never_too_large) return Engine::linear;
  const auto pattern = Pattern::parse(text, case_sensitive);
  return pattern ? pattern->engine() : Engine::linear;
}

std::string quote_pattern(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto ascii = static_cast<std::size_t>(std::ranges::find_if_not(text, is_ascii) - text.begin());
    append_quoted(out, text.substr(0, ascii));
    text.remove_prefix(ascii);
    const auto beyond = static_cast<std::size_t>(std::ranges::find_if(text, is_ascii) - text.begin());
    if (beyond > 0) out.append("(?-i:").append(text.substr(0, beyond)).append(")");
    text.remove_prefix(beyond);
  }
  return out;
}

Result<std::string, std::string> glob_pattern(std::string_view glob) {
  std::string out = "^";
  for (std::size_t i = 0; i < glob.size(); ++i) {
    if (glob[i] == '*') {
      out += ".*";
    } else if (glob[i] == '?') {
      out += '.';
    } else if (glob[i] != '[') {
      const auto text = glob.substr(i, glob.find_first_of("*?[", i) - i);
      out += quote_pattern(text);
      i += text.size() - 1;
    } else {
      const bool negated = i + 1 < glob.size() && glob[i + 1] == '!';
      const auto begin = i + (negated ? 2 : 1);
      const auto end = glob.find(']', begin + 1);  // a ']' that comes first is a member
      if (end == glob.npos) return Unexpected{fmt::format("unterminated character set '{}'", glob.substr(i))};
      out += negated ? "[^" : "[";
      for (const char& c : glob.substr(begin, end - begin)) {
        if (c == '-') out += c;
        else append_quoted(out, {&c, 1});
      }
      out += ']';
      i = end;
    }
  }
  out += '$';
  if (const auto checked = translate(out, {.utf8 = is_utf8(out)}); !checked) return Unexpected{checked.error()};
  return out;
}

}  // namespace policymux
