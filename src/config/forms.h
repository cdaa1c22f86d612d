// How values are written in main.conf. A form reads one type of value and shows it again: for every value that
// read() returns, read(show(value)) is that value. The error of read() quotes the text and says what was wanted.
// type() is what the manual calls such values.
#pragma once

#include <fmt/core.h>

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include <policymux/result.h>

#include "base/endpoint.h"
#include "base/text.h"
#include "base/time.h"
#include "config/config.h"

namespace policymux::forms {

template <class T>
using Read = Result<T, std::string>;

inline Unexpected<std::string> wanted(std::string_view text, std::string_view what) {
  return {fmt::format("\"{}\": want {}", text, what)};
}

// ---- texts ----

// A text of a certain shape.
struct Shape {
  std::string_view type;
  bool (*fits)(std::string_view);
  std::string_view wanted;
};
template <const Shape& shape>
struct Text {
  using Value = std::string;
  static Read<Value> read(std::string_view text) {
    if (!shape.fits(text)) return wanted(text, shape.wanted);
    return std::string{text};
  }
  static std::string show(const Value& value) { return value; }
  static std::string type() { return std::string{shape.type}; }
};

template <class Fits>
constexpr bool all_of(std::string_view text, Fits fits) {
  return !text.empty() && std::all_of(text.begin(), text.end(), fits);
}
constexpr bool is_name_character(char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '.' || c == '-'; }
constexpr bool is_graph(char c) { return c > 0x20 && c < 0x7F; }

inline constexpr Shape anything{"text", [](std::string_view) { return true; }, "anything"};
inline constexpr Shape something{"text", [](std::string_view t) { return !t.empty(); }, "a text"};
inline constexpr Shape plain_name{"name", [](std::string_view t) { return all_of(t, is_name_character); },
                                  "a name of letters, digits, '_', '.' and '-'"};
inline constexpr Shape ident{
    "word", [](std::string_view t) {
      return t.size() <= 48 &&
             all_of(t, [](char c) { return is_graph(c) && c != ':' && c != '[' && c != ']'; });
    },
    "one word of at most 48 characters without ':' and brackets"};
inline constexpr Shape absolute_path{"path", [](std::string_view t) { return t.starts_with('/'); },
                                     "a path that begins with '/'"};
inline constexpr Shape network{
    "network", [](std::string_view t) {
      constexpr std::string_view characters = "0123456789abcdefABCDEF.:/-";
      return t.find_first_not_of(characters) == t.npos && t.find_first_of(".:") != t.npos;
    },
    "an address or a network, as in 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32"};
inline constexpr Shape nameserver{
    "address", [](std::string_view t) {
      constexpr std::string_view characters = "0123456789abcdefABCDEF.:[]";
      return t.find_first_not_of(characters) == t.npos && t.find_first_of(".:") != t.npos;
    },
    "an address, as in 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:5353"};
inline constexpr Shape punctuation{
    "characters", [](std::string_view t) {
      constexpr std::string_view not_these = "@<>\"\\";
      return t.size() <= 16 && std::all_of(t.begin(), t.end(), [&](char c) {
        return is_graph(c) && !is_letter(c) && !is_digit(c) && not_these.find(c) == not_these.npos;
      });
    },
    "punctuation characters, as in + or +-, or nothing"};

// ---- one of some words ----

template <class E>
struct Choice {
  std::string_view word;
  E value;
};
inline constexpr Choice<bool> yes_or_no[] = {{"yes", true}, {"no", false}};

template <const auto& choices>
struct Word {
  using Value = std::remove_cvref_t<decltype(choices[0].value)>;
  static Read<Value> read(std::string_view text) {
    for (const auto& choice : choices) {
      if (choice.word == text) return choice.value;
    }
    return wanted(text, type());
  }
  static std::string show(Value value) {
    const auto at =
        std::find_if(std::begin(choices), std::end(choices), [&](const auto& choice) { return choice.value == value; });
    assert(at != std::end(choices));
    return std::string{at->word};
  }
  static std::string type() {
    std::string words;
    for (const auto& choice : choices) {
      if (!words.empty()) words += &choice == std::end(choices) - 1 ? " or " : ", ";
      words += choice.word;
    }
    return words;
  }
};
using YesNo = Word<yes_or_no>;

// ---- numbers ----

template <std::uint32_t least, std::uint32_t most = 1'000'000>
struct Number {
  using Value = std::uint32_t;
  static Read<Value> read(std::string_view text) {
    const auto number = parse_number(text);
    if (!number || *number < least || *number > most) {
      return wanted(text, "a " + type());
    }
    return static_cast<Value>(*number);
  }
  static std::string show(Value value) { return std::to_string(value); }
  static std::string type() { return fmt::format("number from {} to {}", least, most); }
};

// Bytes; shown with the largest letter that keeps them exact.
template <class T, std::uint64_t least, std::uint64_t most>
struct Size {
  using Value = T;
  static Read<Value> read(std::string_view text) {
    const auto size = parse_size(text);
    if (!size || *size < least || *size > most) {
      return wanted(text, "a " + type() + ", as in 512, 64K or 10M");
    }
    return static_cast<Value>(*size);
  }
  static std::string show(Value value) { return shown(value); }
  static std::string type() { return fmt::format("size from {} to {}", shown(least), shown(most)); }

 private:
  static std::string shown(std::uint64_t value) {
    std::string_view letters = "KMG";
    std::string letter;
    for (; !letters.empty() && value != 0 && value % 1024 == 0; letters.remove_prefix(1)) {
      value /= 1024;
      letter = letters.front();
    }
    return std::to_string(value) + letter;
  }
};

struct FileMode {
  using Value = unsigned;
  static Read<Value> read(std::string_view text) {
    const bool octal = text.size() >= 3 && text.size() <= 4 && text.find_first_not_of("01234567") == text.npos;
    if (!octal || (text.size() == 4 && text.front() != '0')) return wanted(text, "an octal mode, as in 0660");
    unsigned mode = 0;
    for (const char c : text) mode = mode * 8 + static_cast<unsigned>(c - '0');
    return mode;
  }
  static std::string show(Value value) { return fmt::format("{:04o}", value); }
  static std::string type() { return "octal mode"; }
};

// Milliseconds; `below` is the first value that is too long, 0 is none.
template <std::int64_t least_ms, std::int64_t below_ms = 0>
struct Duration {
  using Value = milliseconds;
  static Read<Value> read(std::string_view text) {
    const auto duration = parse_duration(text);
    if (!duration) return wanted(text, "a number and a unit, as in 250ms, 30s, 5m, 2h or 1d");
    if (duration->count() < least_ms) {
      return wanted(text, fmt::format("at least {}", format_duration(milliseconds{least_ms})));
    }
    if (below_ms != 0 && duration->count() >= below_ms) {
      return wanted(text, fmt::format("less than {}", format_duration(milliseconds{below_ms})));
    }
    return *duration;
  }
  static std::string show(Value value) { return format_duration(value); }
  static std::string type() {
    if (below_ms == 0) return "time";
    return "time below " + format_duration(milliseconds{below_ms});
  }
};

struct Workers {
  using Value = Config::Workers;
  static Read<Value> read(std::string_view text) {
    const auto dash = text.find('-');
    const auto least = One::read(text.substr(0, dash));
    const auto most = dash == text.npos ? least : One::read(text.substr(dash + 1));
    if (!least || !most || *least > *most) return wanted(text, "one number from 1 to 1000 or two, as in 4-32");
    return Value{.least = *least, .most = *most};
  }
  static std::string show(const Value& value) {
    return value.least == value.most ? One::show(value.least) : fmt::format("{}-{}", value.least, value.most);
  }
  static std::string type() { return One::type() + ", or two as in 4-32"; }

 private:
  using One = Number<1, 1000>;
};

// ---- addresses and commands ----

struct Address {
  using Value = Endpoint;
  static Read<Value> read(std::string_view text) {
    auto endpoint = parse_endpoint(text);
    if (endpoint && endpoint->kind == Endpoint::Kind::local && !endpoint->path.starts_with('/')) {
      return wanted(text, "an absolute path, as in unix:/run/policymux/socket");
    }
    return endpoint;
  }
  static std::string show(const Value& value) { return to_string(value); }
  static std::string type() { return "address"; }
};

// Words separated by blanks. Double quotes keep blanks together; inside them \" and \\ are escapes.
struct Words {
  using Value = std::vector<std::string>;
  static Read<Value> read(std::string_view text);
  static std::string show(const Value& value);
};

struct ServiceAddress {
  using Value = std::variant<Endpoint, Config::Command>;
  static Read<Value> read(std::string_view text);
  static std::string show(const Value& value);
  static std::string type() { return "address or exec:command"; }
};

struct Environment {
  using Value = std::vector<std::string>;
  static Read<Value> read(std::string_view text);
  static std::string show(const Value& value) { return Words::show(value); }
  static std::string type() { return "NAME=value list"; }
};

// "weighted", "hash:client_address".
struct Balance {
  using Value = Config::Balance;
  static Read<Value> read(std::string_view text);
  static std::string show(const Value& value);
  static std::string type() { return "weighted, least_outstanding, first or hash:ATTRIBUTE"; }
};

// ---- forms made of forms ----

// Nothing written: nullopt.
template <class Form>
struct Optional {
  using Value = std::optional<typename Form::Value>;
  static Read<Value> read(std::string_view text) {
    if (text.empty()) return Value{};
    auto value = Form::read(text);
    if (!value) return Unexpected{std::move(value).error()};
    return Value{*std::move(value)};
  }
  static std::string show(const Value& value) { return value ? Form::show(*value) : std::string{}; }
  static std::string type() { return Form::type(); }
};

// Nothing written: the value that is empty.
template <class Form>
struct OrEmpty {
  using Value = typename Form::Value;
  static Read<Value> read(std::string_view text) { return text.empty() ? Read<Value>{Value{}} : Form::read(text); }
  static std::string show(const Value& value) { return value == Value{} ? std::string{} : Form::show(value); }
  static std::string type() { return Form::type(); }
};

// "none", or 0: the value that is zero.
template <class Form>
struct OrNone {
  using Value = typename Form::Value;
  static Read<Value> read(std::string_view text) {
    if (text == "none" || text == "0") return Value{};
    auto value = Form::read(text);
    if (!value) return Unexpected{std::move(value).error() + ", or none"};
    return value;
  }
  static std::string show(const Value& value) { return value == Value{} ? std::string{"none"} : Form::show(value); }
  static std::string type() { return Form::type() + " or none"; }
};

// Separated by commas or blanks.
template <class Form, std::size_t least = 0>
struct List {
  using Value = std::vector<typename Form::Value>;
  static Read<Value> read(std::string_view text) {
    Value values;
    for (const auto word : split_words(text, ", \t")) {
      auto value = Form::read(word);
      if (!value) return Unexpected{std::move(value).error()};
      values.push_back(*std::move(value));
    }
    if (values.size() < least) return wanted(text, "at least one");
    return values;
  }
  static std::string show(const Value& values) {
    std::string out;
    for (const auto& value : values) {
      if (!out.empty()) out += ' ';
      out += Form::show(value);
    }
    return out;
  }
  static std::string type() { return Form::type() + " list"; }
};

}  // namespace policymux::forms
