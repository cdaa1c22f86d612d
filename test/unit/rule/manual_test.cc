// policymux-policy.conf(5) tells every type, option, field, verb and variable that there is, and no other.
#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "ask/question.h"
#include "base/text.h"
#include "load_helper.h"
#include "rule/types.h"

using namespace policymux;

namespace {

using Names = std::set<std::string, std::less<>>;

// An item of a list in the page: ".It Ic NAME , NAME ...", and the options (Cm) and fields (Va) that its text names.
struct Item {
  std::string chapter{};  // of its .Sh
  std::vector<std::string> names{};
  Names options{}, fields{};
};

// "Ar", "Op": two letters of which the first is upper case.
bool is_macro(std::string_view word) {
  return word.size() == 2 && word != to_upper(word) && word[0] == to_upper(word)[0];
}

// The words behind a macro, up to the next one.
std::vector<std::string> words_behind(std::span<const std::string_view> words) {
  std::vector<std::string> out;
  for (const auto word : words) {
    if (is_macro(word)) break;
    if (word != "," && word != "...") out.emplace_back(word);
  }
  return out;
}

std::vector<Item> read_page() {
  std::ifstream file{POLICYMUX_SOURCE_DIR "/doc/policymux-policy.conf.5"};
  std::vector<Item> items;
  std::string chapter, line, next;
  while (std::getline(file, line)) {
    while (line.ends_with('\\') && std::getline(file, next)) line.replace(line.size() - 1, 1, next);
    const auto words = split_words(line);
    if (words.empty()) continue;
    if (words[0] == ".Sh") chapter = line.substr(4);
    if (words[0] == ".Sh" || words[0] == ".Ss") items.push_back({.chapter = chapter});  // takes what belongs to no item
    if (line.starts_with(".It Ic ")) {
      items.push_back({.chapter = chapter, .names = words_behind(std::span{words}.subspan(2))});
    }
    for (std::size_t i = 0; i + 1 < words.size() && !items.empty(); ++i) {
      if (words[i].ends_with("Cm")) items.back().options.emplace(words[i + 1]);
      if (words[i] == ".Va") items.back().fields.emplace(words[i + 1]);
    }
  }
  return items;
}

const std::vector<Item>& page() {
  static const auto items = read_page();
  return items;
}

// What the items of a chapter are called. Nothing stands there twice.
Names names_in(std::string_view chapter) {
  Names names;
  for (const auto& item : page()) {
    if (item.chapter != chapter) continue;
    for (const auto& name : item.names) {
      CAPTURE(name);
      CHECK(names.insert(name).second);
    }
  }
  return names;
}

Names names_of(const auto& rows) {
  Names names;
  for (const auto& row : rows) names.emplace(row.name);
  return names;
}

// What a type may say, but for on_error, which all may.
Names options_of(const AclType& type) {
  auto names = names_of(family_options(type.family));
  if (type.family == Family::question) names.merge(names_of(question_type(type.question).options));
  names.erase("on_error");
  return names;
}

Names fields_of(const AclType& type) {
  if (type.family != Family::question) return {};
  const auto fields = question_type(type.question).fields;
  return {fields.begin(), fields.end()};
}

// An action in the words of the page, with something fitting behind its verb.
std::string sample_of(const std::string& verb) {
  static const std::map<std::string, std::string, std::less<>> samples = {
      {"4NN", "450 x"}, {"5NN", "550 x"}, {"FILTER", "FILTER smtp:x"}, {"REDIRECT", "REDIRECT a@x.example"},
      {"BCC", "BCC a@x.example"}, {"PREPEND", "PREPEND X-A: b"}, {"restriction", "reject_unverified_sender"},
      {"SCORE", "SCORE 1"}, {"CHAIN", "CHAIN other"}, {"RETURN", "RETURN"}};
  const auto found = samples.find(verb);
  return found == samples.end() ? verb + " x" : found->second;
}

Action action_of(const std::string& verb) {
  const auto text = "action a " + sample_of(verb) + "\nchain other\n";
  const auto loaded = try_policy(text);
  CAPTURE(verb, told(loaded.diagnostics));
  REQUIRE(loaded.policy);
  return loaded.policy->actions.at(0);
}

}  // namespace

TEST_CASE("the manual page tells every statement") {
  auto hint = told_of("frobnicate");
  for (const auto& name : names_in("STATEMENTS")) {
    CAPTURE(name, hint);
    const auto at = hint.find(' ' + name);
    REQUIRE(at != hint.npos);
    hint.erase(at, 1 + name.size());
  }
  CHECK(hint == "1:1: error: unknown statement 'frobnicate' (a statement begins with,,, or)\n");
}

TEST_CASE("the manual page tells every acl type") {
  auto want = names_of(acl_types());
  want.emplace("attribute:NAME");
  CHECK(names_in("TESTS") == want);
}

TEST_CASE("the manual page tells the options and fields of each acl type") {
  for (const auto& item : page()) {
    if (item.chapter != "TESTS") continue;
    for (const auto& name : item.names) {
      const auto* type = find_acl_type(name);
      if (type == nullptr) continue;
      CAPTURE(name);
      CHECK(item.options == options_of(*type));
      CHECK(item.fields == fields_of(*type));
    }
  }
}

TEST_CASE("the manual page tells every verb and every variable") {
  Names variables;
  std::set<Verb> answers;
  std::set<Action::Kind> kinds;
  for (const auto& name : names_in("VERBS")) {
    if (name.starts_with("${")) {
      variables.insert(name);
      continue;
    }
    const auto action = action_of(name);
    kinds.insert(action.kind);
    if (action.kind == Action::Kind::answer) CHECK(answers.insert(action.verb).second);
  }
  CHECK(answers.size() == static_cast<std::size_t>(Verb::restriction) + 1);
  CHECK(kinds.size() == static_cast<std::size_t>(Action::Kind::policy) + 1);

  std::string policy = "acl NAME service x\naccess NAME a\naction a WARN";
  for (const auto& variable : variables) {
    policy += ' ' + (variable == "${acl.NAME.FIELD}" ? "${acl.NAME.answer}" : variable);
  }
  const auto loaded = try_policy(policy);
  CAPTURE(policy, told(loaded.diagnostics));
  REQUIRE(loaded.policy);
  std::set<std::size_t> parts;
  for (const auto& part : loaded.policy->actions.at(0).text.parts) parts.insert(part.index());
  CHECK(parts.size() == std::variant_size_v<Template::Part>);
}
