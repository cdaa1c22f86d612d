#include "rule/values.h"

#include <algorithm>

#include "base/text.h"
#include "base/time.h"
#include "match/address.h"
#include "match/regex.h"
#include "rule/source.h"

namespace policymux {
namespace {

constexpr std::size_t longest_pattern = 32'768;  // bytes; Pattern's own limit
constexpr std::size_t longest_host = 255;        // bytes

constexpr bool is_host_character(char c) {
  return is_letter(c) || is_digit(c) || c == '-' || c == '_' || c == '.' || !is_ascii(c);
}
constexpr bool is_punctuation(char c) { return c > ' ' && c < 0x7F && !is_letter(c) && !is_digit(c); }

// "100/1h"
std::optional<Flaw> flaw_of_limit(std::string_view limit) {
  const auto slash = limit.find('/');
  if (slash != limit.npos && parse_size(limit.substr(0, slash))) {
    const auto within = parse_duration(limit.substr(slash + 1));
    if (within && within->count() > 0) return std::nullopt;
  }
  return Flaw{"bad limit " + in_quotes(limit), "a number within a time, as in 100/1h"};
}

std::optional<Flaw> flaw_of_addresses(std::string_view range) {
  const auto parsed = parse_address_range(range);
  return parsed ? std::nullopt : std::optional{Flaw{parsed.error()}};
}

std::optional<Flaw> flaw_of_each(std::string_view list, std::optional<Flaw> (*flaw_of)(std::string_view)) {
  const auto pieces = split_words(list, ",");
  if (pieces.empty()) return Flaw{"a value is missing"};
  for (const auto piece : pieces) {
    if (auto flaw = flaw_of(piece)) return flaw;
  }
  return std::nullopt;
}

bool is_function_name(std::string_view name) {
  return !name.empty() && !is_digit(name.front()) &&
         std::ranges::all_of(name, [](char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '.'; });
}

bool is_system_number(std::string_view text) {
  if (text.size() > 2 && iequals(text.substr(0, 2), "AS")) text.remove_prefix(2);
  const auto number = parse_number(text);
  return number && *number <= UINT32_MAX;
}

}  // namespace

std::string one_of(std::string_view words) {
  const auto list = split_words(words, "|");
  std::string out;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (i > 0) out += i + 1 == list.size() ? " or " : ", ";
    out += list[i];
  }
  return out;
}

Flaw not_one_of(std::string_view word, std::string_view words) {
  const auto meant = nearest(to_lower(word), split_words(words, "|"));
  return {"unknown word " + in_quotes(word), meant ? did_you_mean(*meant) : "allowed: " + one_of(words)};
}

void for_each_value(const TextTest& test, const std::function<void(std::string_view)>& f) {
  for (const auto& value : test.values) f(value);
  for (const auto& file : test.files) file->for_each([&](int, std::string_view value) { f(value); });
}

FiledText filed_text(const TextTest& test, std::string_view value) {
  const auto key = [&test](std::string_view text) { return test.case_sensitive ? std::string{text} : to_lower(text); };
  switch (test.match) {
    case TextMatch::exact: return {Way::exact, key(exact_text(test.source, value))};
    case TextMatch::domain: return {Way::domain, key(value)};
    case TextMatch::prefix: return {Way::prefix, key(value)};
    case TextMatch::suffix: return {Way::suffix, key(value)};
    case TextMatch::substring: return {Way::regex, quote_pattern(value)};
    case TextMatch::glob: return {Way::regex, *glob_pattern(value)};
    case TextMatch::regex: break;
  }
  const auto shape = shape_of(value);
  switch (shape.kind) {
    case Shape::Kind::exact: return {Way::exact, key(shape.text)};
    case Shape::Kind::prefix: return {Way::prefix, key(shape.text)};
    case Shape::Kind::suffix: return {Way::suffix, key(shape.text)};
    case Shape::Kind::substring: case Shape::Kind::none: break;
  }
  return {Way::regex, std::string{value}};
}

bool is_plain_pattern(std::string_view pattern) {
  if (pattern.size() > longest_pattern) return false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (!is_ascii(c)) return false;
    if (c == '\\') {
      if (++i == pattern.size() || !is_punctuation(pattern[i])) return false;
    } else if (c == '^' || c == '$') {
      if (i != (c == '^' ? 0 : pattern.size() - 1)) return false;
    } else if (std::string_view{"[](){}*+?|"}.find(c) != std::string_view::npos) {
      return false;
    }
  }
  return true;
}

std::optional<Flaw> flaw_of_host(std::string_view host, bool below) {
  if (const auto at = host.rfind('@'); at != host.npos) {
    const auto domain = host.substr(at + 1);
    return Flaw{in_quotes(host) + " is no domain: it has an '@'", domain.empty() ? "" : did_you_mean(domain)};
  }
  auto name = host;
  if (below && name.starts_with('.')) name.remove_prefix(1);
  if (name.ends_with('.')) name.remove_suffix(1);
  const bool has_empty_label =
      name.empty() || name.front() == '.' || name.back() == '.' || name.find("..") != name.npos;
  if (has_empty_label || name.size() > longest_host || !std::ranges::all_of(name, is_host_character)) {
    return Flaw{in_quotes(host) + " is no host name"};
  }
  return std::nullopt;
}

std::optional<Flaw> flaw_of_text(TextMatch match, bool case_sensitive, std::string_view value) {
  switch (match) {
    case TextMatch::regex:
      if (is_plain_pattern(value)) return std::nullopt;
      if (const auto parsed = Pattern::parse(value, case_sensitive); !parsed) return Flaw{parsed.error()};
      return std::nullopt;
    case TextMatch::glob:
      if (const auto pattern = glob_pattern(value); !pattern) return Flaw{pattern.error()};
      return std::nullopt;
    case TextMatch::domain: return flaw_of_host(value, true);
    case TextMatch::exact: case TextMatch::prefix: case TextMatch::suffix: case TextMatch::substring: break;
  }
  return std::nullopt;
}

Result<std::string, Flaw> check_option_value(const OptionType& option, std::string_view value) {
  const auto checked = [&](std::optional<Flaw> flaw) -> Result<std::string, Flaw> {
    if (flaw) return Unexpected{std::move(*flaw)};
    return std::string{value};
  };
  if (word_index(value, option.words)) return std::string{value};
  switch (option.form) {
    case OptionForm::text: case OptionForm::source: break;
    case OptionForm::word: return checked(not_one_of(value, option.words));
    case OptionForm::addresses: return checked(flaw_of_each(value, flaw_of_addresses));
    case OptionForm::limits: return checked(flaw_of_each(value, flaw_of_limit));
    case OptionForm::number:
      if (parse_number(value).value_or(0) > 0) break;
      return checked(Flaw{"bad number " + in_quotes(value),
                          "a whole number from 1" + (option.words.empty() ? "" : ", or " + one_of(option.words))});
    case OptionForm::duration:
      if (const auto duration = parse_duration(value); duration && duration->count() > 0) {
        return format_duration(*duration);
      }
      return checked(Flaw{"bad time " + in_quotes(value), "a number and a unit, as in 250ms, 5s, 10m, 2h, 1d"});
  }
  return checked(std::nullopt);
}

std::optional<Flaw> flaw_of_question_value(const QuestionType& type, std::string_view value) {
  switch (type.values) {
    case ValueForm::none: return Flaw{std::string{type.name} + " takes no value, but there is " + in_quotes(value)};
    case ValueForm::hosts: return flaw_of_host(value, false);
    case ValueForm::words:
      if (word_index(value, type.value_words)) break;
      return not_one_of(value, type.value_words);
    case ValueForm::countries:
      if (value.size() == 2 && std::ranges::all_of(value, is_letter)) break;
      return Flaw{in_quotes(value) + " is no country code", "two letters, as in DE"};
    case ValueForm::systems:
      if (is_system_number(value)) break;
      return Flaw{in_quotes(value) + " is no number of an autonomous system", "as in 64496 or AS64496"};
    case ValueForm::functions:
      if (is_function_name(value)) break;
      return Flaw{in_quotes(value) + " is no name of a function"};
    case ValueForm::name_and_patterns: case ValueForm::greylisting: case ValueForm::text: break;
  }
  return std::nullopt;
}

}  // namespace policymux
