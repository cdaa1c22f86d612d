// Regular expressions that say no more than a text does, as a whole or in their last part: what an index finds without
// an engine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace policymux {

// A pattern that is only another way to write a text: "^foo@bar\.com$", "@bar\.com$", "trap@". Pure ASCII.
struct Shape {
  enum class Kind : std::uint8_t { none, exact, prefix, suffix, substring };
  Kind kind = Kind::none;
  std::string text{};  // unescaped, as it was written
};
Shape shape_of(std::string_view pattern);

// A pattern whose every match ends with a text, at the end of the value: "^(info|sales)@customer7\.example$" is the
// head "^(info|sales)$" and the text "@customer7.example". Many patterns often differ in this text only.
//   A value matches when it ends with the text, and what stands before that matches the head.
struct Tail {
  std::string head{};
  std::string text{};  // unescaped, as it was written; pure ASCII, never empty
};
// Nothing: there is none, or more than this glance at the pattern would have to be known.
std::optional<Tail> tail_of(std::string_view pattern);

}  // namespace policymux
