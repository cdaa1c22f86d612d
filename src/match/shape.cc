#include "match/shape.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace policymux {
namespace {

constexpr std::string_view special = "\\^$.|?*+()[]{}";

// Takes one character that stands for itself off the front: "a", "\.", "[.]".
std::optional<char> take_plain(std::string_view& rest) {
  const auto take = [&](std::size_t at, std::size_t size) {
    const char c = rest[at];
    rest.remove_prefix(size);
    return c;
  };
  if (rest.size() >= 3 && rest[0] == '[' && rest[2] == ']' && is_ascii(rest[1]) && rest[1] != '^' && rest[1] != '\\' &&
      rest[1] != ']')
    return take(1, 3);
  if (rest.size() >= 2 && rest[0] == '\\' && is_ascii(rest[1]) && !is_letter(rest[1]) && !is_digit(rest[1]))
    return take(1, 2);
  if (!is_ascii(rest[0]) || special.find(rest[0]) != special.npos) return std::nullopt;
  return take(0, 1);
}

// Takes the class at the front off. False: it does not end.
bool skip_class(std::string_view& rest) {
  rest.remove_prefix(rest.starts_with("[^") ? 2 : 1);
  for (bool first = true; !rest.empty(); first = false) {
    const char c = rest.front();
    rest.remove_prefix(c == '\\' && rest.size() > 1 ? 2 : 1);
    if (c == ']' && !first) return true;
  }
  return false;
}

// Takes what does not stand for itself off the front. False: it may change the meaning of what comes before or behind.
bool skip_special(std::string_view& rest, int& depth) {
  const char next = rest.size() > 1 ? rest[1] : '\0';
  switch (rest.front()) {
    case '[': return skip_class(rest);
    case '\\':
      rest.remove_prefix(std::min<std::size_t>(rest.size(), 2));
      return next != '\0' && std::string_view{"dDwWsS"}.find(next) != std::string_view::npos;
    case '(':
      if (rest.starts_with("(?") && !rest.starts_with("(?:")) return false;
      rest.remove_prefix(next == '?' ? 2 : 0);
      ++depth;
      break;
    case ')': --depth; break;
    case '|':
      if (depth == 0) return false;
      break;
    case '$': return false;
    default: break;
  }
  rest.remove_prefix(1);
  return true;
}

}  // namespace

std::optional<Tail> tail_of(std::string_view pattern) {
  std::string text;
  auto rest = pattern, from = pattern;  // `text` is what was read since `from`
  for (int depth = 0; !rest.empty();) {
    if (depth == 0 && (rest == "$" || rest == "\\Z" || rest == "\\z")) {
      if (text.empty()) return std::nullopt;
      return Tail{std::string{pattern.substr(0, pattern.size() - from.size())} + "$", std::move(text)};
    }
    if (const auto c = take_plain(rest)) {
      text += *c;
      if (depth == 0) continue;
    } else if (!skip_special(rest, depth)) {
      return std::nullopt;
    }
    text.clear();
    from = rest;
  }
  return std::nullopt;
}

Shape shape_of(std::string_view pattern) {
  const auto eat = [&](std::string_view anchor) {
    const bool found = pattern.starts_with(anchor);
    if (found) pattern.remove_prefix(anchor.size());
    return found;
  };
  const bool from_start = eat("^") || eat("\\A");
  bool to_end = false;
  std::string text;
  while (!pattern.empty()) {
    if (pattern == "$" || pattern == "\\Z" || pattern == "\\z") {
      to_end = true;
      break;
    }
    const auto c = take_plain(pattern);
    if (!c) return {};
    text += *c;
  }
  if (text.empty() && !(from_start && to_end)) return {};
  constexpr Shape::Kind kinds[2][2] = {{Shape::Kind::substring, Shape::Kind::suffix},
                                       {Shape::Kind::prefix, Shape::Kind::exact}};
  return {kinds[from_start][to_end], std::move(text)};
}

}  // namespace policymux
