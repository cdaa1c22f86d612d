// Regular expressions in Python's syntax, searched anywhere in a value: one at a time, and many in one pass.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <policymux/result.h>

#include "match/id_list.h"
#include "match/regex_syntax.h"
#include "match/shape.h"

namespace policymux {

// Which engine runs a pattern.
enum class Engine : std::uint8_t {
  linear,        // RE2: time linear in the value, whatever the pattern
  backtracking,  // PCRE2 with a limit on its work: for back-references and look-around
};

enum class Found : std::uint8_t { no, yes, gave_up };  // gave_up: the work limit was passed

// One checked pattern. In values that are UTF-8 it matches characters; in others, and always when the
// pattern itself is not UTF-8, bytes, and then letters are folded only if the pattern is pure ASCII.
//   Errors  parse(): what is wrong, with the piece.
//   Limits  32,768 bytes a pattern; backtracking: see Backtracker.
//   Threads search() from one thread at a time.
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

  // "^foo@bar\.com$" is only another way to write the text foo@bar.com: see Shape.
  Shape shape() const { return shape_of(text()); }
  // That text, unescaped, where the shape is exact; else nothing.
  std::optional<std::string> constant() const;

 private:
  struct Compiled;
  explicit Pattern(std::unique_ptr<Compiled> compiled);
  std::unique_ptr<Compiled> compiled_;
};

// Which engine runs a pattern that Pattern::parse() takes. Compiles it only where its size might decide that.
Engine engine_of(std::string_view text, bool case_sensitive);

// The text as a pattern that matches only itself, in any case of its ASCII letters; and the glob ('*', '?', '[a-z]',
// '[!a-z]') as a pattern over the whole value.
std::string quote_pattern(std::string_view text);
Result<std::string, std::string> glob_pattern(std::string_view glob);

// Many patterns in one pass.
//   Linear patterns that end with a text of their own and have what stands before it in common with seven others or
//   more are found by that text: see Tail. Others of which every match contains some known text of two letters or more
//   stand behind a filter: the value is searched for these texts first, and only patterns whose text it holds are run,
//   in sets of 64. (A pattern that is nothing but such a text is not run at all.) The others make up sets that are
//   always run, as large as memory allows. Backtracking patterns are run one by one.
//   Cost    about 10 ns and 1 ns a byte where no text is found, also among 10,000 patterns of which few share
//           their letters; a set that is run takes 50 ns, and up to 100 us where patterns like "ab.*cd" by the
//           hundred make its automaton explode.
//   Limits  a value of more than always_searched bytes is searched only while its bytes times the sizes of the
//           patterns that must be run (see Translation) stay within most_steps; the rest give up.
//   Memory  about 800 bytes a pattern. What non-UTF-8 values need is compiled when a set first meets one.
//   Threads find() may be called from several at once, unless there are backtracking patterns.
class RegexIndex {
 public:
  class Builder {
   public:
    explicit Builder(bool case_sensitive);
    ~Builder();
    Builder(Builder&&) noexcept;
    Builder& operator=(Builder&&) noexcept;
    // REQUIRES: Pattern::parse(text, case_sensitive) succeeded.
    void add(std::string_view text, std::uint32_t id);
    // Compiles and warms. The error is ours to give the administrator ("too much memory").
    Result<RegexIndex, std::string> build() &&;

   private:
    struct State;
    std::unique_ptr<State> state_;
  };

  static constexpr std::size_t always_searched = 2048;  // an SMTP command has no more bytes
  static constexpr std::uint64_t most_steps = 20'000'000;

  RegexIndex();
  RegexIndex(RegexIndex&&) noexcept;
  RegexIndex& operator=(RegexIndex&&) noexcept;
  ~RegexIndex();

  // Adds the ids of all patterns found; to `gave_up` those whose work limit was passed. Allocates only where
  // something is found.
  void find(std::string_view value, IdList& out, IdList& gave_up) const;
  std::size_t backtracking() const;  // how many patterns need the backtracking engine

 private:
  struct Data;
  explicit RegexIndex(std::unique_ptr<const Data> data);
  std::unique_ptr<const Data> data_;
};

}  // namespace policymux
