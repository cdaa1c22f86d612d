#include "base/text.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace policymux {

namespace {

std::string mapped(std::string_view text, char (*change)(char)) {
  std::string out{text};
  std::transform(out.begin(), out.end(), out.begin(), change);
  return out;
}

constexpr bool is_continuation(unsigned char c) { return (c & 0xC0) == 0x80; }

// Rows of RFC 3629's table: first bytes, the bounds of the second byte, the length.
struct Utf8Row {
  unsigned char first, last, second_first, second_last;
  std::size_t size;
};
constexpr Utf8Row utf8_rows[] = {
    {0x00, 0x7F, 0x00, 0x00, 1},
    {0xC2, 0xDF, 0x80, 0xBF, 2},
    {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
    {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
};

// Size of the well-formed character that `text` begins with; 0 when there is none.
std::size_t utf8_size(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  for (const auto& row : utf8_rows) {
    if (byte(0) < row.first || byte(0) > row.last) continue;
    if (row.size > text.size()) return 0;
    if (row.size > 1 && (byte(1) < row.second_first || byte(1) > row.second_last)) return 0;
    for (std::size_t i = 2; i < row.size; ++i) {
      if (!is_continuation(byte(i))) return 0;
    }
    return row.size;
  }
  return 0;
}

// How many bytes at the front are ASCII, in steps of eight: enough to skip most of most values at once.
std::size_t ascii_prefix(std::string_view text) {
  std::size_t at = 0;
  for (std::uint64_t eight = 0; at + sizeof eight <= text.size(); at += sizeof eight) {
    std::memcpy(&eight, text.data() + at, sizeof eight);
    if ((eight & 0x8080808080808080u) != 0) break;
  }
  return at;
}

constexpr std::size_t longest_quote = 80;  // bytes

constexpr bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F; }

constexpr bool is_name_character(char c) {
  return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '_' || c == '.' || c == '-';
}

constexpr bool is_printable_ascii(char c) { return c >= 0x20 && c < 0x7F; }

// U+0080 to U+009F, as UTF-8.
constexpr bool is_c1(std::string_view character) {
  return character.size() == 2 && character[0] == '\xC2' && static_cast<unsigned char>(character[1]) < 0xA0;
}

// The same, eight characters at once.
std::uint64_t ascii_lower(std::uint64_t characters) {
  constexpr auto each = [](unsigned byte) { return 0x0101010101010101u * std::uint64_t{byte}; };
  const auto ascii = ~characters & each(0x80);
  const auto low_bits = characters & each(0x7F);
  const auto from_a = low_bits + each(0x80 - 'A'), beyond_z = low_bits + each(0x7F - 'Z');  // in the high bits
  return characters | ((ascii & (from_a ^ beyond_z)) >> 2);
}

}  // namespace

bool lower_into(char* to, std::string_view text) {
  std::uint64_t all = 0;
  const auto lower = [&](std::size_t at, std::size_t size) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, size);
    all |= word;
    word = ascii_lower(word);
    std::memcpy(to + at, &word, size);
  };
  constexpr auto word_size = sizeof(std::uint64_t);
  if (text.size() < word_size) {
    for (std::size_t at = 0; at < text.size(); ++at) lower(at, 1);
  } else {
    for (std::size_t at = 0; at + word_size < text.size(); at += word_size) lower(at, word_size);
    lower(text.size() - word_size, word_size);  // may overlap the one before
  }
  return (all & 0x8080808080808080u) == 0;
}

std::string to_lower(std::string_view text) {
  std::string lower(text.size(), '\0');
  lower_into(lower.data(), text);
  return lower;
}

std::string to_upper(std::string_view text) { return mapped(text, ascii_upper); }

bool iequals(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return ascii_lower(x) == ascii_lower(y); });
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::vector<std::string_view> split_words(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> words;
  for (auto at = text.find_first_not_of(separators); at != text.npos;) {
    const auto end = text.find_first_of(separators, at);
    words.push_back(text.substr(at, end - at));
    at = text.find_first_not_of(separators, end);
  }
  return words;
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  static constexpr std::string_view letters = "kmg";
  unsigned shift = 0;
  if (!text.empty()) {
    if (const auto at = letters.find(ascii_lower(text.back())); at != letters.npos) {
      shift = 10 * (static_cast<unsigned>(at) + 1);
      text.remove_suffix(1);
    }
  }
  const auto number = parse_number(text);
  if (!number || *number > UINT64_MAX >> shift) return std::nullopt;
  return *number << shift;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    text.remove_prefix(ascii_prefix(text));
    if (text.empty()) break;
    const auto size = utf8_size(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

void append_safe(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const auto plain = static_cast<std::size_t>(
        std::find_if_not(text.begin(), text.end(), is_printable_ascii) - text.begin());
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    const auto character = text.substr(0, std::max<std::size_t>(utf8_size(text), 1));
    if (character.size() == 1 || is_c1(character)) out += '?';
    else out.append(character);
    text.remove_prefix(character.size());
  }
}

std::optional<std::size_t> find_control_character(std::string_view text) {
  const auto at = std::find_if(text.begin(), text.end(), is_control);
  if (at == text.end()) return std::nullopt;
  return static_cast<std::size_t>(at - text.begin());
}

std::string_view without_byte_order_mark(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return text;
}

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_name_character);
}

std::string_view cut_utf8(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return text;
  for (std::size_t back = 1; back <= std::min<std::size_t>(limit, 3); ++back) {
    const auto at = limit - back;
    if (is_continuation(static_cast<unsigned char>(text[at]))) continue;
    return text.substr(0, utf8_size(text.substr(at)) > back ? at : limit);
  }
  return text.substr(0, limit);
}

std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit) {
  if (a.size() > b.size()) std::swap(a, b);
  if (b.size() - a.size() > limit) return limit + 1;
  std::vector<std::size_t> before(a.size() + 1), above(a.size() + 1), row(a.size() + 1);
  for (std::size_t i = 0; i <= a.size(); ++i) above[i] = i;
  for (std::size_t j = 1; j <= b.size(); ++j) {
    row[0] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
      const std::size_t replaced = above[i - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[i] = std::min({above[i] + 1, row[i - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[i] = std::min(row[i], before[i - 2] + 1);
    }
    if (*std::min_element(row.begin(), row.end()) > limit) return limit + 1;
    std::swap(before, above);
    std::swap(above, row);
  }
  return std::min(above[a.size()], limit + 1);
}

std::optional<std::string_view> nearest(std::string_view word, std::span<const std::string_view> names) {
  std::size_t within = word.size() < 5 ? 1 : 2;
  std::optional<std::string_view> best;
  for (const auto name : names) {
    const auto distance = edit_distance(word, name, within);
    if (distance > within) continue;
    best = name;
    if (distance == 0) break;
    within = distance - 1;
  }
  return best;
}

std::string in_quotes(std::string_view text) {
  const auto shown = cut_utf8(text, longest_quote);
  std::string out = "'";
  append_safe(out, shown);
  return out += shown.size() < text.size() ? "...'" : "'";
}

std::string did_you_mean(std::string_view name) { return "did you mean " + in_quotes(name) + '?'; }

}  // namespace policymux
