// Small pure functions over text. Bytewise and ASCII only, whatever the locale, unless UTF-8 is named.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace policymux {

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
constexpr char ascii_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c & ~0x20) : c; }
constexpr bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }
constexpr bool is_letter(char c) { return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'; }

std::string to_lower(std::string_view text);
std::string to_upper(std::string_view text);

// to_lower() into text.size() bytes at `to`; eight bytes at a time. Is the text all ASCII?
bool lower_into(char* to, std::string_view text);

// Equal but for the case of ASCII letters.
bool iequals(std::string_view a, std::string_view b);

// What string_view::rfind() says, many characters at a time.
inline std::size_t find_last(std::string_view text, char c) {
  const auto* const at = text.empty() ? nullptr : ::memrchr(text.data(), c, text.size());
  return at == nullptr ? text.npos : static_cast<std::size_t>(static_cast<const char*>(at) - text.data());
}

// Without blanks, tabs and CR at either end.
std::string_view trim(std::string_view text);

// Splits at any of `separators`; empty pieces are left out. The pieces point into `text`.
std::vector<std::string_view> split_words(std::string_view text, std::string_view separators = " \t");

// The whole text as a number, or nothing: no sign, no blanks, no overflow.
std::optional<std::uint64_t> parse_number(std::string_view text);

// "65536", "64K", "10M", "1G": powers of 1024; the letter in any case.
std::optional<std::uint64_t> parse_size(std::string_view text);

// Does the text hold only well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms)?
bool is_utf8(std::string_view text);

// Every control character (C0, DEL; C1 as UTF-8 too) and every byte that is no part of well-formed UTF-8
// becomes '?'. Appended to `out`.
void append_safe(std::string& out, std::string_view text);

// The first byte that no line of text holds: a control character other than a tab.
std::optional<std::size_t> find_control_character(std::string_view text);

// What a file holds behind the byte order mark that some editors leave.
std::string_view without_byte_order_mark(std::string_view text);

// Names that files of configuration make up: "[A-Za-z0-9_.-]+".
bool is_name(std::string_view text);

// The longest prefix of at most `limit` bytes that does not end inside a UTF-8 character.
std::string_view cut_utf8(std::string_view text, std::size_t limit);

// Damerau-Levenshtein distance (neighbours swapped count once), or limit + 1 where it is larger.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit);

// The name that somebody who wrote `word` most likely meant: the nearest one within two edits (within
// one where `word` is shorter than five letters); nothing when none is that near.
std::optional<std::string_view> nearest(std::string_view word, std::span<const std::string_view> names);

// "'text'", cut where it is long and fit for a message.
std::string in_quotes(std::string_view text);
// "did you mean 'name'?"
std::string did_you_mean(std::string_view name);

}  // namespace policymux
