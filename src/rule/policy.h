// What policy.conf says, checked and resolved: the loader's result, the compiler's input, the referee's text.
//
// A plain value. Everything refers to everything else by index, so it can be copied, compared piece by piece
// and printed. It keeps what the administrator wrote in the order in which it was written.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <policymux/action.h>
#include <policymux/request.h>

#include "ask/question.h"
#include "match/address.h"
#include "match/calendar.h"
#include "match/number.h"
#include "rule/value_file.h"

namespace policymux {

struct Place {
  std::uint32_t file = 0;  // index into Policy::files
  int line = 0, column = 0;
};

// Where a test or a ${...} gets its text from.
enum class Derivation : std::uint8_t {
  none,        // the attribute as it is
  localpart,   // before the last '@'; without one, all of it
  domain,      // after the last '@'; empty without one
  parent,      // a host without its first label if three or more remain, else itself; empty for `unknown`
               // and address literals
  normalized,  // SRS, prvs and VERP undone, the extension cut
};
struct Source {
  std::optional<Attribute> attribute{};  // nullopt: an attribute that we do not know, by `name`
  Derivation derivation = Derivation::none;
  std::string name{};                    // as policy.conf spells it: "sender", "sender_domain", "x_new"
  bool operator==(const Source&) const = default;
};

enum class TextMatch : std::uint8_t { regex, exact, domain, prefix, suffix, glob, substring };

// The kinds of test. In each of them the values are alternatives: one that holds is enough.
struct TextTest {
  Source source;
  TextMatch match = TextMatch::regex;
  bool case_sensitive = false;
  std::vector<std::string> values{};  // checked for `match`, otherwise as written (exact: see exact_text())
  std::vector<ValueFilePtr> files{};
};
struct AddressTest {
  Source source;
  std::vector<AddressRange> ranges{};
  std::vector<ValueFilePtr> files{};  // every line a checked range
};
struct NumberTest {
  Source source;
  NumberSyntax syntax = NumberSyntax::count;
  std::vector<NumberRange> ranges{};  // those of value files among them
};
struct CalendarTest {  // exactly one of the first four is set
  DaySet days = 0;
  std::vector<TimeRange> times{};
  std::vector<DateRange> dates{};
  MonthSet months = 0;
  std::optional<Zone> zone{};  // nullopt: the system's
};
struct StressTest {
  bool wanted = true;  // FALSE at `stress=` for true, the other way round for false
};
struct ScoreTest {
  std::vector<NumberRange> ranges{};  // in thousandths
};
struct TagTest {
  std::vector<std::string> tags{};
};

// One word of an access line or of any/all/none.
struct Term {
  std::uint32_t acl = 0;  // index into Policy::acls
  bool negated = false;
  bool operator==(const Term&) const = default;
};
struct CompositeTest {
  enum class How : std::uint8_t { any, all, none } how = How::any;
  std::vector<Term> terms{};
};

// Text with ${...} in it.
struct Template {
  struct Literal { std::string text; };
  struct Attr { Source source; };                                        // ${sender}, ${sender_domain}
  struct Score {};
  struct Tags {};                                                        // joined by ','
  struct Rule {};                                                        // file:line of the access line
  struct Acl { std::uint32_t acl = 0; std::optional<std::uint32_t> field{}; };  // ${acl.NAME}, ${acl.NAME.FIELD}
  using Part = std::variant<Literal, Attr, Score, Tags, Rule, Acl>;
  std::vector<Part> parts{};
  // The text, where there is nothing to fill in.
  std::optional<std::string> constant() const;
};

struct LogTest {
  Template text;  // empty: a summary of the request
};
struct QuestionTest {
  std::shared_ptr<const Definition> definition;
  Source key{};             // what definition->key_source names
  bool built_in = false;    // false: this build cannot ask it; it is UNKNOWN as a failed look-up
};

enum class OnError : std::uint8_t { unknown, match, nomatch };

struct Acl {
  using Test = std::variant<TextTest, AddressTest, NumberTest, CalendarTest, StressTest, ScoreTest, TagTest,
                            CompositeTest, LogTest, QuestionTest>;
  std::string name;
  Place place{};            // of its first definition
  std::string type{};       // as written: "sender", "client_address"
  OnError on_error = OnError::unknown;
  bool silent = false;      // keep it out of the log
  Test test{};
};

// Inline tests come first within a line, then reading, then acting ones.
enum class TestKind : std::uint8_t { inline_test, reading, acting, log };

struct Action {
  // What it does beyond answering; all but `answer`, `finish` and `policy` go on with the next line.
  enum class Kind : std::uint8_t { answer, log, score, tag, notify, learn, chain, finish, policy };
  std::string name;
  Place place{};
  Kind kind = Kind::answer;
  Template text{};             // answer: verb and text as sent; log, notify, learn, policy: what follows the verb
  Verb verb = Verb::dunno;     // answer
  std::int64_t score = 0;      // score: thousandths
  std::string tag{};           // tag; score: may be empty
  std::uint32_t chain = 0;     // chain
  std::shared_ptr<const Definition> definition{};  // learn, policy: what to ask
  bool built_in = true;        // notify, learn, policy: can this build do it?
};

struct Access {
  Place place{};
  std::uint32_t chain = 0;
  std::vector<Term> terms{};
  std::optional<std::uint32_t> action{};  // nullopt: the default
  std::string text{};                     // the line as written, words joined by one blank: its counter's name
};

struct Chain {
  std::string name;
  std::vector<std::uint32_t> lines{};     // indices into Policy::lines, in order
};

struct Policy {
  std::vector<std::string> files{};       // the first one is policy.conf itself
  std::vector<Acl> acls{};
  std::vector<Action> actions{};
  std::vector<Access> lines{};
  std::vector<Chain> chains{};            // chains[0] is main
  std::vector<ValueFilePtr> lists{};      // all value files, by path
  std::optional<std::uint32_t> default_action{};  // nullopt: DUNNO
  std::string recipient_delimiter{"+"};   // any of these characters; for normalized_sender
  std::vector<std::string> restriction_classes{};  // words that are actions on this site

  TestKind kind_of(std::uint32_t acl) const;      // a composite of a reading test is reading
  bool depends_on_score(std::uint32_t acl) const; // score or tag, directly or in a composite
  std::string where(const Place& place) const;    // "policy.conf:12"
};

// The whole policy as text, one item a line, for tests and for people who look under the bonnet.
std::string dump(const Policy& policy);

}  // namespace policymux
