#include "match/number.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace policymux {

namespace {

constexpr auto least = std::numeric_limits<std::int64_t>::min();
constexpr auto most = std::numeric_limits<std::int64_t>::max();

// Strictly between `least` and `most`, so that one more and one less are numbers too.
std::optional<std::int64_t> parse_one(std::string_view text, NumberSyntax syntax) {
  if (syntax == NumberSyntax::score) return parse_thousandths(text);
  const auto number = parse_size(text);
  if (!number || *number >= static_cast<std::uint64_t>(most)) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

std::string format_one(std::int64_t number, NumberSyntax syntax) {
  return syntax == NumberSyntax::score ? format_thousandths(number) : std::to_string(number);
}

struct Operator {
  std::string_view text;
  NumberRange (*range)(std::int64_t);
};
constexpr Operator operators[] = {
    // longer ones first
    {">=",
     [](std::int64_t n) {
       return NumberRange{n, most};
     }},
    {"<=",
     [](std::int64_t n) {
       return NumberRange{least, n};
     }},
    {">",
     [](std::int64_t n) {
       return NumberRange{n + 1, most};
     }},
    {"<",
     [](std::int64_t n) {
       return NumberRange{least, n - 1};
     }},
    {"=",
     [](std::int64_t n) {
       return NumberRange{n, n};
     }},
};

Unexpected<std::string> no_number(std::string_view piece, NumberSyntax syntax) {
  const std::string_view units = syntax == NumberSyntax::score ? "" : "KMGkmg";
  const auto digits = piece.substr(0, piece.size() - (!piece.empty() && units.find(piece.back()) != units.npos));
  if (!digits.empty() && std::ranges::all_of(digits, is_digit)) return {fmt::format("'{}' is too large", piece)};
  return {fmt::format("'{}' is no number: want {}", piece,
                      syntax == NumberSyntax::score ? "a signed decimal with at most three places"
                                                    : "digits, and K, M or G if you like")};
}

}  // namespace

Result<NumberRange, std::string> parse_number_range(std::string_view text, NumberSyntax syntax) {
  text = trim(text);
  for (const auto& op : operators) {
    if (!text.starts_with(op.text)) continue;
    const auto piece = trim(text.substr(op.text.size()));
    const auto number = parse_one(piece, syntax);
    if (!number) return no_number(piece, syntax);
    return op.range(*number);
  }
  // The first sign belongs to the number.
  if (const auto dash = text.find('-', 1); dash != text.npos) {
    const auto first_text = trim(text.substr(0, dash)), last_text = trim(text.substr(dash + 1));
    const auto first = parse_one(first_text, syntax), last = parse_one(last_text, syntax);
    if (!first) return no_number(first_text, syntax);
    if (!last) return no_number(last_text, syntax);
    if (*first > *last) return Unexpected{fmt::format("'{}' ends before it begins", text)};
    return NumberRange{*first, *last};
  }
  const auto number = parse_one(text, syntax);
  if (!number) return no_number(text, syntax);
  return syntax == NumberSyntax::size ? NumberRange{*number + 1, most} : NumberRange{*number, *number};
}

std::string to_string(const NumberRange& range, NumberSyntax syntax) {
  const auto format = [syntax](std::int64_t n) { return format_one(n, syntax); };
  if (range.first == range.last)
    return fmt::format("{}{}", syntax == NumberSyntax::size ? "=" : "", format(range.first));
  if (range.first == least) {
    const auto at_most = format(range.last), below = format(range.last + 1);
    return below.size() < at_most.size() ? fmt::format("<{}", below) : fmt::format("<={}", at_most);
  }
  if (range.last == most) {
    const auto at_least = format(range.first), above = format(range.first - 1);
    if (syntax == NumberSyntax::size) return above;
    return above.size() < at_least.size() ? fmt::format(">{}", above) : fmt::format(">={}", at_least);
  }
  return fmt::format("{}-{}", format(range.first), format(range.last));
}

std::optional<std::int64_t> parse_thousandths(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const auto point = text.find('.');
  const auto whole = text.substr(0, point);
  auto places = std::string{point == text.npos ? "0" : text.substr(point + 1)};
  if (whole.size() > 15 || places.empty() || places.size() > 3) return std::nullopt;
  places.resize(3, '0');
  const auto before = parse_number(whole), after = parse_number(places);
  if (!before || !after) return std::nullopt;
  const auto thousandths = static_cast<std::int64_t>(*before * 1000 + *after);
  return negative ? -thousandths : thousandths;
}

std::string format_thousandths(std::int64_t thousandths) {
  const auto bits = static_cast<std::uint64_t>(thousandths);
  const auto magnitude = thousandths < 0 ? ~bits + 1 : bits;
  auto text = fmt::format("{}{}.{:03}", thousandths < 0 ? "-" : "", magnitude / 1000, magnitude % 1000);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

NumberIndex NumberIndex::Builder::build() && {
  NumberIndex index;
  index.steps_ = flatten(std::exchange(claims_, {}), index.sets_,
                         [](std::int64_t n) { return n == most ? std::nullopt : std::optional{n + 1}; });
  index.sets_.seal();
  return index;
}

void NumberIndex::find(std::int64_t n, IdList& out) const {
  const auto next = std::upper_bound(steps_.begin(), steps_.end(), n,
                                     [](std::int64_t point, const auto& step) { return point < step.from; });
  if (next != steps_.begin()) sets_.append(std::prev(next)->ids, out);
}

}  // namespace policymux
