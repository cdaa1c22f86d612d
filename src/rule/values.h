// Is this a VALUE that such a test can have? Pure checks, shared by acls, their options and their lists.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "ask/question.h"
#include "rule/policy.h"
#include "rule/report.h"

namespace policymux {

// A value of a text test, for the way it is matched. Cost: a regular expression that is not plain text is
// compiled.
std::optional<Flaw> flaw_of_text(TextMatch match, bool case_sensitive, std::string_view value);

// Each value of the test, those of its lists among them.
void for_each_value(const TextTest& test, const std::function<void(std::string_view)>& f);

// Under which index a value of the test belongs, and as what. Anchored constants do not need the regex engine.
struct FiledText {
  Way way;
  std::string key;
};
FiledText filed_text(const TextTest& test, std::string_view value);

// "mail.example.org", "example.org."; `below`: ".example.org" too.
std::optional<Flaw> flaw_of_host(std::string_view host, bool below);

// A regular expression with nothing in it but characters that stand for themselves, '.', escaped
// punctuation, and '^' and '$' at its ends: nothing that an engine could object to.
bool is_plain_pattern(std::string_view pattern);

// A value of an option, but for OptionForm::source, whose names only the checker knows. Durations come back in
// their shortest form, whatever else as it is.
Result<std::string, Flaw> check_option_value(const OptionType& option, std::string_view value);

// A value of a question, but for ValueForm::name_and_patterns and greylisting.
std::optional<Flaw> flaw_of_question_value(const QuestionType& type, std::string_view value);

// "one of a, b or c" for "a|b|c".
std::string one_of(std::string_view words);
// The flaw of a word that is none of `words`, with a hint.
Flaw not_one_of(std::string_view word, std::string_view words);

}  // namespace policymux
