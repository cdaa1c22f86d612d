#include <algorithm>
#include <set>
#include <string>

#include "ask/question.h"
#include "base/text.h"
#include "support/catch.h"

using namespace policymux;

TEST_CASE("every kind of question has its row, in the order of the kinds") {
  for (std::size_t i = 0; i < question_types().size(); ++i) {
    CAPTURE(i);
    CHECK(static_cast<std::size_t>(question_types()[i].kind) == i);
    CHECK(&question_type(question_types()[i].kind) == &question_types()[i]);
  }
  CHECK(question_types().size() == static_cast<std::size_t>(QuestionKind::policy) + 1);
}

TEST_CASE("reading (DNS, tables, SPF, GeoIP: asking changes nothing) and acting (greylisting, rate, quota, distinct, "
          "service, lua, and the verbs POLICY and LEARN: asking has an effect)") {
  static const std::set<std::string_view> reading = {"rbl", "rhsbl", "dns", "spf", "country", "asn", "table"};
  static const std::set<std::string_view> acting = {"greylisting", "rate", "quota",  "distinct",
                                                    "service",     "lua",  "policy", "learn"};
  for (const auto& type : question_types()) {
    CAPTURE(type.name);
    const auto& expected = type.conduct == Conduct::reading ? reading : acting;
    CHECK(expected.count(type.name) == 1);
  }
  CHECK(reading.size() + acting.size() == question_types().size());
}

TEST_CASE("log, stress and greylisting need no VALUE, and what counts says its limits in an option") {
  for (const auto& type : question_types()) {
    CAPTURE(type.name);
    const auto limit = std::ranges::find(type.options, "limit", &OptionType::name);
    const bool counts = limit != type.options.end() && limit->required;
    CHECK(type.needs_value() == !(counts || type.kind == QuestionKind::greylisting));
  }
}

TEST_CASE("names of types, of the options of a type and of its fields are names, each once") {
  static constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz_";
  const auto check = [](std::set<std::string_view>& seen, std::string_view name) {
    CAPTURE(name);
    CHECK(seen.insert(name).second);
    CHECK_FALSE(name.empty());
    CHECK(name.find_first_not_of(letters) == name.npos);
  };
  std::set<std::string_view> types;
  for (const auto& type : question_types()) {
    check(types, type.name);
    std::set<std::string_view> options, fields;
    for (const auto& option : type.options) check(options, option.name);
    for (const auto field : type.fields) check(fields, field);
  }
}

TEST_CASE("only options and values that are words list words") {
  for (const auto& type : question_types()) {
    CAPTURE(type.name);
    CHECK((type.values == ValueForm::words) == !type.value_words.empty());
    for (const auto& option : type.options) {
      CAPTURE(option.name);
      if (option.form == OptionForm::word) CHECK_FALSE(option.words.empty());
    }
  }
}

TEST_CASE("definitions that say the same are equal") {
  const Definition one{
      .kind = QuestionKind::rbl, .options = {{"hits", "2"}}, .values = {"a.example"}, .key_source = "k"};
  auto other = one;
  CHECK(one == other);
  other.options[0].value += '0';
  CHECK_FALSE(one == other);
  other = one;
  other.values.push_back("b.example");
  CHECK_FALSE(one == other);
  other = one;
  other.key_source.clear();
  CHECK_FALSE(one == other);
}

TEST_CASE("a word has its place in a list of words") {
  CHECK(word_index("helo", "mailfrom|helo|both") == 1u);
  CHECK_FALSE(word_index("hel", "mailfrom|helo|both"));
  CHECK_FALSE(word_index("", "mailfrom|helo|both"));
  CHECK_FALSE(word_index("x", ""));
}
