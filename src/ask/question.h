// The contract between deciding and answering: what may be asked outside, and what comes back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <policymux/request.h>

#include "base/time.h"

namespace policymux {

enum class QuestionKind : std::uint8_t {
  rbl, rhsbl, dns, spf, country, asn, table,                       // reading
  greylisting, rate, quota, distinct, service, lua, learn, policy, // acting
};
inline constexpr std::size_t question_kinds = 15;

// Reading: asking changes nothing, so it may be asked ahead of need, together with others, and shared.
// Acting: asking has an effect; one at a time for a request, in order, never shared.
enum class Conduct : std::uint8_t { reading, acting };

// How the value of an option of a question type is written.
enum class OptionForm : std::uint8_t {
  text,       // anything but nothing
  number,     // 1 and up
  duration,   // longer than nothing: "5s"
  word,       // one of `words`
  source,     // what of the request: "sasl_username", "sender_domain"
  addresses,  // "127.0.0.2-127.0.0.11,127.0.0.20": ranges, separated by commas
  limits,     // "100/1h,1000/1d": a number (K, M, G allowed) within a duration, separated by commas
};
struct OptionType {
  std::string_view name;
  OptionForm form = OptionForm::text;
  std::string_view words{};  // separated by '|': OptionForm::word: those allowed; otherwise: allowed besides
  bool required = false;
  bool suffices = false;        // an acl that has it needs no VALUE
};

// How the VALUEs of an acl of a question type are written.
enum class ValueForm : std::uint8_t {
  none,               // there are none
  hosts,              // DNS names
  words,              // some of QuestionType::value_words
  countries,          // ISO 3166 codes: two letters
  systems,            // numbers of autonomous systems: "64496", "AS64496"
  functions,          // names of a script's functions
  name_and_patterns,  // the name of a table or group, then regular expressions for the answer, perhaps none
  greylisting,        // apolicy's comma list: "time=2,lifetime=14400"; it becomes options
  text,               // words, taken as they stand
};

// One row for each kind: what policy.conf may say about it, and which fields its answers have.
struct QuestionType {
  QuestionKind kind;
  std::string_view name;                       // as in policy.conf: "rbl"
  Conduct conduct;
  bool is_verb = false;                        // asked by an action (LEARN, POLICY), not by an acl
  ValueForm values = ValueForm::none;
  std::string_view value_words{};              // ValueForm::words: separated by '|'
  std::span<const OptionType> options{};
  std::span<const std::string_view> fields{};  // names of Answer::fields, for ${acl.NAME.FIELD}
  // Which attribute the question is about when `key=` does not say; empty: the type decides for itself.
  std::string_view default_key{};

  bool needs_value() const { return values != ValueForm::none && values != ValueForm::greylisting; }
};
std::span<const QuestionType> question_types();
const QuestionType& question_type(QuestionKind kind);

// The number of `word` in a list like "mailfrom|helo|both", from 0; nothing when it is not there.
std::optional<std::size_t> word_index(std::string_view word, std::string_view words);

// What a policy says about one question: the constant part. Two tests that say the same share one.
struct Definition {
  struct Option {
    std::string name, value;
    bool operator==(const Option&) const = default;
  };
  QuestionKind kind = QuestionKind::rbl;
  std::vector<Option> options{};               // in the order of the type's row, each at most once; not `key`
  std::vector<std::string> values{};           // as written
  std::string key_source{};                    // "client_address", "sender_domain", ...; empty: none
  bool operator==(const Definition&) const = default;

  // ValueForm::name_and_patterns: what follows the name. Askers leave them alone: see Answer.
  std::span<const std::string> patterns() const;
};

// One question about one request. Valid while the call of Asker::ask() runs; an asker copies what it keeps. Only the
// bytes of an acting question's request live as long as its Asking.
struct Question {
  const Definition& definition;
  std::string_view key;                        // the value of key_source in this request
  const Request& request;                      // all of it, for services and scripts
  SteadyTime deadline;                         // after it the answer counts as `unknown`
};

enum class Outcome : std::uint8_t { no, yes, unknown };  // unknown: failed or too late
// What an asker found. Where the definition has patterns, whoever asked judges a first field by them, and that is the
// outcome then; unknown stays unknown.
struct Answer {
  Outcome outcome = Outcome::unknown;
  std::vector<std::string> fields{};           // by the type's row; missing ones are empty
};

// Who waits for answers. Called exactly once for each question, never from inside Asker::ask(), and not
// after the Asking is gone. The Asking may be destroyed from inside this call.
class AnswerSink {
 public:
  virtual void answered(std::uint32_t token, Answer answer) = 0;

 protected:
  ~AnswerSink() = default;
};

// A question on its way. Destroying it forgets the answer; what was sent stays sent.
class Asking {
 public:
  virtual ~Asking() = default;
};

// A room that can answer. One asker serves one or several kinds for the life of the daemon.
class Asker {
 public:
  virtual ~Asker() = default;
  // `token` comes back with the answer. REQUIRES: `sink` outlives the Asking.
  virtual std::unique_ptr<Asking> ask(const Question& question, AnswerSink& sink, std::uint32_t token) = 0;
};

}  // namespace policymux
