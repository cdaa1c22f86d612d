// The table of all acl types: what `acl NAME TYPE` may say, and where each type gets its text from.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "ask/question.h"
#include "match/number.h"
#include "rule/policy.h"

namespace policymux {

// Types of one family take the same options and the same values.
enum class Family : std::uint8_t {
  text, address, number, days, times, dates, months, stress, question, composite, score, tag, log,
};

struct AclType {
  std::string_view name;
  Family family = Family::text;
  std::optional<Attribute> attribute{};             // text, address, number: what is looked at,
  Derivation derivation = Derivation::none;         // and how
  bool is_context = false;                          // text: match=exact unless said otherwise; `silent`
  NumberSyntax syntax = NumberSyntax::count;        // number
  CompositeTest::How how = CompositeTest::How::any; // composite
  QuestionKind question = QuestionKind::rbl;        // question

  bool has_source() const { return family == Family::text || family == Family::address || family == Family::number; }
  Source source() const { return {attribute, derivation, std::string{name}}; }
};

std::span<const AclType> acl_types();
const AclType* find_acl_type(std::string_view name);

// What may stand in ${...}, in `key=` and in `attribute:NAME`: attributes and derived texts.
std::optional<Source> find_source(std::string_view name);

// The text that `attribute:NAME` stands for, whatever else NAME may mean.
Source attribute_source(std::string_view name);

// An option that any acl of the family may have, with the words that are allowed.
struct FamilyOption {
  std::string_view name, words;  // words separated by '|'; empty: any text
};
std::span<const FamilyOption> family_options(Family family);

std::string_view to_string(TextMatch match);
std::string_view to_string(OnError on_error);
std::string_view to_string(CompositeTest::How how);

}  // namespace policymux
