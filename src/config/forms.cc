#include "config/forms.h"

namespace policymux::forms {

namespace {

constexpr std::string_view exec_prefix = "exec:";
constexpr std::string_view hash_prefix = "hash:";

using By = Config::Balance::By;
constexpr Choice<By> balances[] = {
    {"weighted", By::weighted}, {"least_outstanding", By::least_outstanding}, {"first", By::first}};

std::string quoted(std::string_view word) {
  std::string out = "\"";
  for (const char c : word) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace

Read<std::vector<std::string>> Words::read(std::string_view text) {
  Value words;
  bool inside = false;  // of a word
  bool quotes = false;  // of quotes
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!quotes && is_blank(text[at])) {
      inside = false;
      continue;
    }
    if (!std::exchange(inside, true)) words.emplace_back();
    if (text[at] == '"') {
      quotes = !quotes;
      continue;
    }
    const bool escape = quotes && text[at] == '\\' && at + 1 < text.size() &&
                        (text[at + 1] == '"' || text[at + 1] == '\\');
    if (escape) ++at;
    words.back() += text[at];
  }
  if (quotes) return wanted(text, "a closing '\"'");
  return words;
}

std::string Words::show(const Value& words) {
  std::string out;
  for (const auto& word : words) {
    if (!out.empty()) out += ' ';
    out += word.empty() || word.find_first_of(" \t\"") != word.npos ? quoted(word) : word;
  }
  return out;
}

Read<ServiceAddress::Value> ServiceAddress::read(std::string_view text) {
  if (!text.starts_with(exec_prefix)) {
    auto endpoint = Address::read(text);
    if (!endpoint) return Unexpected{std::move(endpoint).error()};
    return Value{*std::move(endpoint)};
  }
  auto words = Words::read(trim(text.substr(exec_prefix.size())));
  if (!words) return Unexpected{std::move(words).error()};
  if (words->empty() || words->front().empty()) return wanted(text, "a program, as in exec:/usr/local/bin/check -v");
  return Value{Config::Command{*std::move(words)}};
}

std::string ServiceAddress::show(const Value& value) {
  if (const auto* endpoint = std::get_if<Endpoint>(&value)) return to_string(*endpoint);
  return std::string{exec_prefix} + Words::show(std::get<Config::Command>(value).words);
}

Read<Balance::Value> Balance::read(std::string_view text) {
  if (text.starts_with(hash_prefix) && is_name(text.substr(hash_prefix.size()))) {
    return Value{.by = By::hash, .attribute = std::string{text.substr(hash_prefix.size())}};
  }
  const auto by = Word<balances>::read(text);
  if (!by)
    return wanted(text, "weighted, least_outstanding, first, or hash: and an attribute, as in hash:client_address");
  return Value{.by = *by};
}

std::string Balance::show(const Value& value) {
  return value.by == By::hash ? std::string{hash_prefix} + value.attribute : Word<balances>::show(value.by);
}

Read<Environment::Value> Environment::read(std::string_view text) {
  auto words = Words::read(text);
  if (!words) return words;
  for (const auto& word : *words) {
    const auto sign = word.find('=');
    if (sign == 0 || sign == word.npos) return wanted(word, "NAME=value");
  }
  return words;
}

}  // namespace policymux::forms
