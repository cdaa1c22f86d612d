// LANGUAGE.md, "Tests (acl types)": the types whose tests are asked outside.

#include <string>

#include "load_helper.h"
#include "rule/judge.h"

using namespace policymux;

namespace {

constexpr QuestionKind everything[] = {QuestionKind::rbl,   QuestionKind::rhsbl,       QuestionKind::dns,
                                       QuestionKind::spf,   QuestionKind::country,     QuestionKind::asn,
                                       QuestionKind::table, QuestionKind::greylisting, QuestionKind::rate,
                                       QuestionKind::quota, QuestionKind::distinct,    QuestionKind::service,
                                       QuestionKind::lua,   QuestionKind::learn,       QuestionKind::policy};

Definition definition_of(const std::string& acl) {
  const auto policy = load("acl a " + acl + "\n", {.built_in = everything});
  return *std::get<QuestionTest>(policy.acls.at(0).test).definition;
}

}  // namespace

TEST_CASE("options of a question stand in the order of its row, with times in their shortest form") {
  CHECK(definition_of("rbl timeout=120s hits=2 a.example b.example") ==
        Definition{.kind = QuestionKind::rbl,
                   .options = {{"hits", "2"}, {"timeout", "2m"}},
                   .values = {"a.example", "b.example"},
                   .key_source = "client_address"});
}

TEST_CASE("key= says what the question is about, and each type has its own when it does not") {
  const std::pair<std::string, std::string> cases[] = {{"rbl x.example", "client_address"},
                                                       {"rhsbl x.example", "sender_domain"},
                                                       {"rhsbl key=helo_name x.example", "helo_name"},
                                                       {"spf fail", ""},
                                                       {"country DE", "client_address"},
                                                       {"table vips", "sender"},
                                                       {"table key=recipient_domain vips", "recipient_domain"},
                                                       {"rate key=attribute:x_login limit=1/1s", "attribute:x_login"}};
  for (const auto& [acl, key] : cases) {
    CAPTURE(acl);
    CHECK(definition_of(acl).key_source == key);
  }
  const auto policy = load("acl a table key=recipient_domain vips\n", {.built_in = everything});
  CHECK(std::get<QuestionTest>(policy.acls[0].test).key ==
        Source{Attribute::recipient, Derivation::domain, "recipient_domain"});
  CHECK(told_of("acl a rate key=sasl_usrname limit=1/1s\n", {.built_in = everything}) ==
        "1:12: error: unknown attribute 'sasl_usrname' (did you mean 'sasl_username'?)\n");
}

TEST_CASE("rate, quota, distinct: limit=100/1h, several limits") {
  const std::vector<Definition::Option> expected = {{"limit", "100/1h,1000/1d"}};
  CHECK(definition_of("rate limit=100/1h,1000/1d").options == expected);
  CHECK(definition_of("rate limit=100/1h limit=1000/1d").options == expected);
  for (const std::string bad : {"100", "100/", "/1h", "100/0s", "x/1h", "-1/1h", "100/1h,,x", ""}) {
    CAPTURE(bad);
    CHECK_FALSE(try_policy("acl a rate limit=" + bad + "\n").policy);
  }
  CHECK(told_of("acl a rate key=sender\n", {.built_in = everything}) == "1:22: error: rate wants the option limit=\n");
}

TEST_CASE("greylisting: apolicy's comma list, and options; its numbers are minutes") {
  using Options = std::vector<Definition::Option>;
  const std::pair<std::string, Options> cases[] = {
      {"greylisting", {}},
      {"greylisting time=2,lifetime=14400", {{"delay", "2m"}, {"lifetime", "10d"}}},
      {"greylisting lifetime=14400,time=2", {{"delay", "2m"}, {"lifetime", "10d"}}},
      {"greylisting lifetime=60", {{"lifetime", "1h"}}},
      {"greylisting lifetime=60s", {{"lifetime", "1m"}}},
      {"greylisting delay=300 window=2d", {{"delay", "5m"}, {"window", "2d"}}},
  };
  for (const auto& [acl, options] : cases) {
    CAPTURE(acl);
    CHECK(definition_of(acl).options == options);
    CHECK(definition_of(acl).values.empty());
  }
  const auto documented = try_policy(
      "acl grey_2 greylisting time=2,lifetime=14400,backend=disk,root=/var/cache/apolicy/\n", {.built_in = everything});
  CHECK(documented.policy);
  CHECK(told(documented.diagnostics) ==
        "1:24: warning: backend= and root= of greylisting have no effect: [store] of main.conf says where its state is "
        "kept\n");
}

TEST_CASE("dns: mx_in= and ns_in= are enough by themselves") {
  CHECK(definition_of("dns mx_in=192.0.2.0/24").values.empty());
  CHECK(told_of("acl a dns key=helo_name\n", {.built_in = everything}) == "1:24: error: acl without a value\n");
}

TEST_CASE("service, table: the name, then regular expressions; statements that add repeat the name") {
  CHECK(definition_of("table vips ^ok$ yes").values == std::vector<std::string>{"vips", "^ok$", "yes"});
  const auto policy = load("acl a service s ^x\nacl a service s ^y\n", {.built_in = everything});
  CHECK(std::get<QuestionTest>(policy.acls[0].test).definition->values == std::vector<std::string>{"s", "^x", "^y"});
  CHECK(told_of("acl a service s ^x\nacl a service t ^y\n", {.built_in = everything}).starts_with("2:15: error: "));
  CHECK(told_of("acl a table vips (\n", {.built_in = everything}) ==
        "1:18: error: missing ), unterminated group '('\n");
  CHECK(told_of("acl b service s ^x\nacl b service s ok [z-a]\n", {.built_in = everything}) ==
        "2:20: error: bad character range 'z-a'\n");
}

// "TRUE when the answer of the service group matches the regular expression given"
TEST_CASE("where patterns are given, they judge what was found") {
  using enum Outcome;
  struct Case { std::string patterns; Answer found; Outcome want; };
  const Case cases[] = {
      {"", {no, {"DUNNO"}}, no},
      {"", {yes, {"REJECT no"}}, yes},
      {"^reject", {yes, {"REJECT no"}}, yes},
      {"^reject", {yes, {"DEFER reject"}}, no},
      {"x no$", {yes, {"REJECT no"}}, yes},
      {"^dunno", {no, {"DUNNO"}}, yes},
      {"^(?!dunno)", {no, {"DUNNO"}}, no},
      {"^(?!dunno)", {yes, {"OK"}}, yes},
      {"x (a+)+\\1$", {yes, {std::string(40, 'a') + "b"}}, unknown},  // the engine gives up
      {".", {unknown, {"OK"}}, unknown},
      {".", {no, {}}, no},                                             // a table that does not have the key
  };
  for (const auto& [patterns, found, want] : cases) {
    CAPTURE(patterns, found.fields);
    const auto policy = load("acl a service s " + patterns + "\naccess a\n", {.built_in = everything});
    const auto table = compile(policy);
    REQUIRE(table);
    const auto judged_now = judged(**table, 0, found);
    CHECK(judged_now.outcome == want);
    CHECK(judged_now.fields == found.fields);
  }
}

TEST_CASE("tables and groups are those of main.conf, where that is known") {
  const LoadOptions known{.built_in = everything, .groups = {{"scanners"}}, .tables = {{"vips"}}};
  CHECK(told_of("acl a table vips\nacl b service scanners\naction c POLICY scanners\n", known).empty());
  CHECK(told_of("acl a table vipz\nacl b service scanner\naction c POLICY x\n", known) ==
        "1:13: error: main.conf has no table 'vipz' (did you mean 'vips'?)\n"
        "2:15: error: main.conf has no group 'scanner' (did you mean 'scanners'?)\n"
        "3:17: error: main.conf has no group 'x'\n");
  CHECK(told_of("acl a table vipz\naction c POLICY x\n", {.built_in = everything}).empty());
}

TEST_CASE("The types of later rooms parse, are checked and give UNKNOWN with one warning at load, for each type") {
  const auto loaded = try_policy(
      "acl a rbl x.example\nacl b rbl y.example\nacl c spf fail\naction d LEARN x\naction e LEARN y\n"
      "action f POLICY x\naction g NOTIFY x\naction h NOTIFY y\n",
      {.built_in = std::span{everything}.first(1)});
  REQUIRE(loaded.policy);
  CHECK(std::get<QuestionTest>(loaded.policy->acls[0].test).built_in);
  CHECK_FALSE(std::get<QuestionTest>(loaded.policy->acls[2].test).built_in);
  for (const auto& action : loaded.policy->actions) CHECK_FALSE(action.built_in);
  CHECK(told(loaded.diagnostics) ==
        "3:1: warning: acl type 'spf' is not built in: its tests are UNKNOWN\n"
        "4:10: warning: LEARN is not built in: it does nothing\n"
        "6:10: warning: POLICY is not built in: such lines go on to the next\n"
        "7:10: warning: NOTIFY is not built in: it does nothing\n");
}
