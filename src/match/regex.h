// Regular expressions in Python's syntax, searched anywhere in a value: one at a time, and many in one pass.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <policymux/result.h>

#include "match/text_index.h"

namespace policymux {

// Which engine runs a pattern.
enum class Engine : std::uint8_t {
  linear,        // RE2: time linear in the value, whatever the pattern
  backtracking,  // PCRE2 with a limit on its work: for back-references and look-around
};

enum class Found : std::uint8_t { no, yes, gave_up };  // gave_up: the work limit was passed

// One checked pattern. Bytewise where the value is not UTF-8.
//   Errors  parse(): what is wrong, in the engine's words, with the piece.
//   Limits  32,768 bytes a pattern; backtracking: 10,000 match steps.
class Pattern {
 public:
  static Result<Pattern, std::string> parse(std::string_view text, bool case_sensitive);

  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;
  ~Pattern();

  Engine engine() const;
  const std::string& text() const;  // as it was written
  bool case_sensitive() const;
  Found search(std::string_view value) const;

  // "^foo@bar\.com$" is only another way to write the text foo@bar.com: that text, unescaped. Nothing for
  // any other pattern, nor for one that is not pure ASCII.
  std::optional<std::string> constant() const;

 private:
  struct Compiled;
  explicit Pattern(std::unique_ptr<Compiled> compiled);
  std::unique_ptr<Compiled> compiled_;
};

// The text as a pattern that matches only itself; and the glob ('*', '?', '[a-z]', '[!a-z]') as a pattern
// over the whole value.
std::string quote_pattern(std::string_view text);
Result<std::string, std::string> glob_pattern(std::string_view glob);

// Many patterns in one pass. Linear ones become sets (UTF-8, and a Latin-1 twin for values that are not),
// split where a set would need too much memory; backtracking ones are run one by one.
//   find()  adds the ids of all patterns found; to `gave_up` those whose work limit was passed. First asks
//           whether anything matches at all, which allocates nothing.
class RegexIndex {
 public:
  class Builder {
   public:
    explicit Builder(bool case_sensitive);
    ~Builder();
    Builder(Builder&&) noexcept;
    // REQUIRES: Pattern::parse(text, case_sensitive) succeeded.
    void add(std::string_view text, std::uint32_t id);
    // Compiles and warms. The error is ours to give the administrator ("too much memory").
    Result<RegexIndex, std::string> build() &&;
   private:
    struct State;
    std::unique_ptr<State> state_;
  };

  RegexIndex();
  RegexIndex(RegexIndex&&) noexcept;
  RegexIndex& operator=(RegexIndex&&) noexcept;
  ~RegexIndex();

  void find(std::string_view value, IdList& out, IdList& gave_up) const;

 private:
  friend class Builder;
  struct Data;
  std::unique_ptr<const Data> data_;
};

}  // namespace policymux
